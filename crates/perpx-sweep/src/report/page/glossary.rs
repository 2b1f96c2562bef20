//! What words mean: a term on the page tells it when pointed at or reached by the keyboard; all of them stand at the end.

use maud::{Markup, html};

/// Word, meaning.
const WORDS: [(&str, &str); 23] = [
    (
        "alike",
        "Configurations that left the same ledger in every world did the same, fill by fill. They are one try and stand once.",
    ),
    (
        "benchmark",
        "Buying the average position of the first leg at the beginning of the run and holding it to the end, without fees or funding: what the market alone gave to this exposure.",
    ),
    (
        "beta",
        "Money that the winner makes for each unit of money that holding the same exposure makes, by least squares over the intervals. What is left without it is the money at a beta of zero. Its error takes the intervals as independent.",
    ),
    (
        "capacity",
        "The same fills at another size: of each the first best size at its price, every further best size fills.impact_bp dearer, fees in proportion. Nobody answers, and orders that rest fill as before, so it is too kind.",
    ),
    (
        "distance",
        "How far the price must move against a leg until its venue takes it, at the mid of whole minutes; venues judge by their mark.",
    ),
    (
        "drawdown",
        "The deepest fall of equity from a peak, as a share of the capital it began with. The range is what 5 and 95 of 100 histories show that are drawn from blocks of six of its intervals.",
    ),
    (
        "error",
        "One standard error: of 100 runs of such markets about 68 lie within it, about 95 within two. Neighbouring intervals of money are taken as correlated as they are. It knows nothing of having chosen the best of many.",
    ),
    (
        "fees",
        "What the venues' tiers take. The figure is the winner run again with that: its gate knows the fees, so it trades otherwise. Beside it the sweep's own fills at those fees. A bp is an average over all turnover.",
    ),
    (
        "front",
        "Of several metrics: configurations of which none is better in one without being worse in another. A front is made of the luckiest too; beside each place stands in how many of 100 histories without an edge one that ranks here shows such a Sharpe ratio.",
    ),
    (
        "halves",
        "The time is cut into blocks, and half of them choose in every way there is; the chosen one is looked up in the other half. That it falls to the middle there is about ranking, not about profit: of equally good configurations half do. So the share in which it loses stands beside it.",
    ),
    ("held out", "The end of the data. It chose nothing; who looks at it and chooses again has used it up."),
    (
        "knee",
        "The place of a front at which the metrics, each as a share of its range over the front, add up to most. What adds up to nine tenths of that is near it.",
    ),
    ("ledger", "Every fill, fee and settlement of a run, exactly."),
    (
        "legging",
        "Time in which one leg is filled and the other not yet. The gap while a lock is let go on purpose is left out: it is the strategy, not an accident.",
    ),
    (
        "luck",
        "The share of histories without any edge, drawn from this one, in which the best of as many configurations looks at least as good as the winner. Small does not mean that it will earn: it means that searching alone does not explain it, on this tape with these fills.",
    ),
    (
        "mask",
        "Cells in which no configuration stands above luck on its own are pale: their p-value, corrected for all that rank below, is above 10 %.",
    ),
    ("margin", "The value of a leg over its leverage, as a share of the equity at its venue."),
    (
        "plateau",
        "By its plateau a configuration is worth the lower median of the objective over itself and its neighbours, one step away along axes of numbers. The winner's plateau are those that such steps connect with it over configurations worth at least half as much by that. Neighbours live on the same tape: a plateau proves nothing against luck.",
    ),
    ("sharpe", "Mean of the returns over their standard deviation, a year's; risk-free rate 0."),
    (
        "tries",
        "What the best of so many independent tries without any edge shows at this length: on average, and what 95 of 100 stay below, by normal theory.",
    ),
    (
        "variance",
        "Of how much the objective varies over the whole grid, the share that an axis has by itself, and with all that it does together with others (functional analysis of variance). A share no greater than chance has in shuffled grids says nothing.",
    ),
    (
        "walk",
        "Walk-forward: what the time before would have chosen earns on the time after it, again and again. The dotted comparison is the winner, which all of that time chose: no test of it.",
    ),
    (
        "world",
        "What a trader does not choose: latency, refusals, how queues fill. A configuration is ranked over all of them.",
    ),
];

/// `shown` as a word of the glossary.
pub fn term(word: &'static str, shown: &str) -> Markup {
    debug_assert!(WORDS.iter().any(|(known, _)| *known == word), "{word} is no word of the glossary");
    html! { span.term tabindex="0" aria-describedby={ "w-" (anchor(word)) } { (shown) } }
}

fn anchor(word: &str) -> String {
    word.replace(' ', "-")
}

pub fn body() -> Markup {
    html! {
        dl.words {
            @for (word, meaning) in WORDS {
                div { dt { (word) } dd id={ "w-" (anchor(word)) } { (meaning) } }
            }
        }
    }
}
