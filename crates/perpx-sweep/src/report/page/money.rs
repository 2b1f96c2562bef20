//! Where the winner's money came from: an exact sum, as a waterfall and as a table by leg and venue.

use super::svg::{Size, n};
use crate::report::scale::{Plot, Scale};
use crate::report::view::View;
use crate::report::{Money, text};
use maud::{Markup, html};
use perpx_core::ledger::{Line, Lines};
use perpx_core::market::Role;
use perpx_core::units::MidValue;

pub fn body(view: &View) -> Option<Markup> {
    let money = view.input.money.as_ref()?;
    let quote = &view.input.quote;
    let [long, short] = &view.input.venues;
    let held_out = view.input.spans.has_held_out();
    let legs: [(String, &[Role]); 3] = [
        ("both legs".to_owned(), &Role::BOTH),
        (format!("long leg, {long}"), &[Role::Long]),
        (format!("short leg, {short}"), &[Role::Short]),
    ];
    let parts: &[(&str, &Lines)] = &[("in sample", &money.in_sample), ("held out", &money.held_out)];
    let parts = &parts[..if held_out { 2 } else { 1 }];
    let panes: Vec<(String, Vec<Bar>)> = parts
        .iter()
        .flat_map(|(part, lines)| legs.iter().map(move |(leg, roles)| (format!("{part}, {leg}"), steps(lines, roles))))
        .collect();
    Some(html! {
        p.note {
            "The bars add up to the change of equity exactly, " (quote) ". A leg alone shows what its own venue's price made of it: "
            "the two legs of a lock mostly cancel."
            @if let Some(bps) = money.decision_slippage_bps {
                " Beside the sum: fills were " (text::fixed(bps, 2))
                " bp worse than the opposite best at decision (negative would be better)."
            }
        }
        div.pair.money {
            div #waterfall data-panes="" {
                label.pick hidden { "Show " select #waterfall-pick {
                    @for (i, (name, _)) in panes.iter().enumerate() { option value=(i) { (name) } }
                } }
                @for (i, (name, steps)) in panes.iter().enumerate() {
                    figure.pane data-pane=(i) {
                        div.wide { (waterfall(steps, name, Size::Wide)) }
                        div.narrow { (waterfall(steps, name, Size::Narrow)) }
                        figcaption { (name) ", " (quote) }
                    }
                }
            }
            (table(view, money))
        }
    })
}

/// A bar of the waterfall: from where the sum stood to where this line brings it.
pub struct Bar {
    pub name: &'static str,
    pub from: f64,
    pub to: f64,
    pub total: bool,
}

/// The lines that are not nought, then the total.
pub fn steps(lines: &Lines, roles: &[Role]) -> Vec<Bar> {
    let mut out = Vec::new();
    let mut sum = MidValue::ZERO;
    for line in Line::ALL {
        let amount = roles.iter().map(|role| lines.get(*role, line)).sum::<MidValue>();
        if amount != MidValue::ZERO {
            out.push(Bar { name: line.name(), from: text::money(sum), to: text::money(sum + amount), total: false });
        }
        sum += amount;
    }
    out.push(Bar { name: "net", from: 0.0, to: text::money(sum), total: true });
    out
}

fn waterfall(steps: &[Bar], name: &str, size: Size) -> Markup {
    let places = text::places(steps.iter().map(|step| step.to - step.from));
    let row = 26.0;
    let width = size.pick(560.0, 350.0);
    let plot = Plot { left: 76.0, right: width - 76.0, top: 6.0, bottom: 6.0 + row * steps.len() as f64 };
    let scale = Scale::over(steps.iter().flat_map(|s| [s.from, s.to]).chain([0.0]), size.pick(5, 3));
    html! {
        svg viewBox={ "0 0 " (n(width)) " " (n(plot.bottom + 24.0)) } role="img" aria-label={ "Waterfall of the money lines, " (name) "; the table has the figures" } {
            g.ruler {
                @for tick in &scale.ticks {
                    @let x = plot.x(scale.place(*tick));
                    line.zero[*tick == 0.0] x1=(n(x)) x2=(n(x)) y1=(n(plot.top)) y2=(n(plot.bottom)) {}
                    text x=(n(x)) y=(n(plot.bottom + 16.0)) text-anchor="middle" { (scale.label(*tick)) }
                }
            }
            @for (i, step) in steps.iter().enumerate() {
                @let y = plot.top + row * i as f64;
                @let (a, b) = (plot.x(scale.place(step.from)), plot.x(scale.place(step.to)));
                @let class = if step.to < step.from { "bar loss" } else { "bar gain" };
                rect class=(class) x=(n(a.min(b))) y=(n(y + 5.0)) width=(n((a - b).abs().max(1.0))) height=(n(row - 10.0)) {}
                @if i + 1 < steps.len() {
                    line.link x1=(n(b)) x2=(n(b)) y1=(n(y + row - 5.0)) y2=(n(y + row + 5.0)) {}
                }
                text.name.total[step.total] x="70" y=(n(y + 17.0)) text-anchor="end" { (step.name) }
                text.figure.total[step.total] x=(n(width - 2.0)) y=(n(y + 17.0)) text-anchor="end" {
                    (text::fixed(step.to - step.from, places))
                }
            }
        }
    }
}

fn table(view: &View, money: &Money) -> Markup {
    let held_out = view.input.spans.has_held_out();
    let [long, short] = &view.input.venues;
    let parts = [("In sample", Some(&money.in_sample)), ("Held out", held_out.then_some(&money.held_out))];
    let parts: Vec<(&str, &Lines)> = parts.into_iter().filter_map(|(name, lines)| Some((name, lines?))).collect();
    let places = text::places(parts.iter().map(|(_, lines)| text::money(lines.total())));
    let amount = |amount: MidValue| super::money_cell(text::money(amount), places);
    let used = |line: &Line| parts.iter().any(|(_, l)| Role::BOTH.iter().any(|r| l.get(*r, *line) != MidValue::ZERO));
    html! {
        div.scroll tabindex="0" role="region" aria-label="Money by leg and venue" {
            table {
                caption { "By leg and venue, " (view.input.quote) }
                thead {
                    tr {
                        td {}
                        @for (name, _) in &parts { th.group colspan="3" scope="colgroup" { (name) } }
                    }
                    tr {
                        th scope="col" { "Line" }
                        @for _ in &parts {
                            th.num scope="col" { "Long" small { (long) } }
                            th.num scope="col" { "Short" small { (short) } }
                            th.num scope="col" { "Both" }
                        }
                    }
                }
                tbody {
                    @for line in Line::ALL.iter().filter(|l| used(l)) {
                        tr {
                            th scope="row" { (line.name()) }
                            @for (_, lines) in &parts {
                                @let (a, b) = (lines.get(Role::Long, *line), lines.get(Role::Short, *line));
                                (amount(a)) (amount(b)) (amount(a + b))
                            }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" { "net" }
                        @for (_, lines) in &parts {
                            @let leg = |role: Role| lines.of(role);
                            (amount(leg(Role::Long))) (amount(leg(Role::Short))) (amount(lines.total()))
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perpx_core::units::Cash;

    #[test]
    fn the_waterfall_ends_at_the_sum() {
        let mut lines = Lines::default();
        lines.add(Role::Long, Line::Spread, Cash::units(8).into());
        lines.add(Role::Short, Line::Spread, Cash::units(2).into());
        lines.add(Role::Short, Line::Fees, Cash::units(-3).into());
        let steps = steps(&lines, &Role::BOTH);
        let seen: Vec<String> = steps.iter().map(|s| format!("{} {:.3} {:.3}", s.name, s.from, s.to)).collect();
        assert_eq!(seen, ["spread 0.000 10.000", "fees 10.000 7.000", "net 0.000 7.000"]);
    }
}
