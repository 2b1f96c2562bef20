//! What a journal leaves open at its end, without a look at any venue.

use super::folder::Journal;
use super::record::Kind;
use perpx_core::market::{Event, EventBody, OrderId, Role};
use perpx_core::units::Qty;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the process that wrote last has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOpen {
    /// The live.toml of its last start.
    pub live: String,
    /// By role, as its start names them.
    accounts: [String; 2],
    /// By role, signed.
    pub positions: [Qty; 2],
    /// By role: orders that rested, and of whose end nothing is written.
    pub orders: [usize; 2],
}

impl LeftOpen {
    /// Which leg its start had at a venue; `None`: it does not say.
    pub fn role_of(&self, venue: &str) -> Option<Role> {
        Role::BOTH.into_iter().find(|role| self.accounts[role.ix()].starts_with(venue))
    }

    /// Nothing is, at the venue of `role`.
    pub fn is_flat(&self, role: Role) -> bool {
        self.positions[role.ix()].is_zero() && self.orders[role.ix()] == 0
    }
}

/// Adds up what a journal tells: fills behind what the venues last showed. `None`: nothing was ever begun.
pub fn left_open(journal: &Journal) -> Option<LeftOpen> {
    let start = journal.newest(Kind::Start)?;
    let start: Value = serde_json::from_slice(&start.body).ok()?;
    let live = start["live"].as_str()?.to_owned();
    let accounts = [0, 1].map(|v: usize| start["accounts"][v].as_str().unwrap_or_default().to_lowercase());
    let (mut positions, mut resting) = ([Qty::ZERO; 2], [const { BTreeSet::<OrderId>::new() }; 2]);
    for record in &journal.records {
        match record.kind {
            // what the venues show is right
            Kind::Recon => {
                let said = serde_json::from_slice::<Value>(&record.body).unwrap_or_default();
                for (v, position) in positions.iter_mut().enumerate() {
                    let shown = said["venues"][v]["position"].as_str();
                    let shown = shown.and_then(|text| perpx_core::units::parse_scaled(text, 9));
                    if let Some(shown) = shown.and_then(|shown| i64::try_from(shown).ok()) {
                        *position = Qty(shown);
                    }
                    if said["venues"][v]["open_orders"] == 0 {
                        resting[v].clear();
                    }
                }
            }
            Kind::Event => {
                let Ok(event) = serde_json::from_slice::<Event>(&record.body) else { continue };
                let v = event.venue.ix();
                if let Some(id) = event.body.ended() {
                    resting[v].remove(&id);
                }
                match event.body {
                    EventBody::Accepted { id, .. } => {
                        resting[v].insert(id);
                    }
                    EventBody::Fill { side, qty, .. } => positions[v] += side.signed(qty),
                    EventBody::Liquidated { qty, .. } => {
                        let left = positions[v].0.abs() - qty.0;
                        positions[v] = Qty(positions[v].0.signum() * left.max(0));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Some(LeftOpen { live, accounts, positions, orders: resting.map(|resting| resting.len()) })
}

#[cfg(test)]
mod tests {
    use super::super::record::{Record, Stamp};
    use super::*;
    use perpx_core::market::Side;
    use perpx_core::units::{Cash, Mid, Price, Time};
    use serde_json::json;

    fn event(body: EventBody, venue: Role) -> (Kind, Vec<u8>) {
        let event = Event { at: Time(1), venue_time: Time(1), venue, body, met: Mid::ZERO };
        (Kind::Event, serde_json::to_vec(&event).expect("JSON"))
    }

    fn journal(records: Vec<(Kind, Vec<u8>)>) -> Journal {
        let stamp = Stamp { wall_ns: 1, mono_ns: 1, engine: Time(1) };
        let record = |(seq, (kind, body))| Record { seq, stamp, kind, body };
        let mut journal = Journal::default();
        journal.records = (0..).zip(records).map(record).collect();
        journal
    }

    /// Fills add up behind what the venues showed; an order rests until its end is written.
    #[test]
    fn fills_behind_what_the_venues_showed_are_left() {
        let fill = |side, qty| EventBody::Fill {
            id: OrderId(1),
            side,
            px: Price(1),
            qty: Qty(qty),
            maker: false,
            fee: Cash::ZERO,
        };
        let start = |live: &str| (Kind::Start, json!({ "live": live }).to_string().into_bytes());
        let shown = |text: &str| {
            let said =
                json!({ "venues": [{ "position": text, "open_orders": 0 }, { "position": "0", "open_orders": 0 }] });
            (Kind::Recon, said.to_string().into_bytes())
        };
        assert_eq!(left_open(&journal(Vec::new())), None);
        let records = vec![start("old"), event(fill(Side::Buy, 5), Role::Long), start("new"), shown("0.000000002")];
        let left = left_open(&journal(records.clone())).expect("begun");
        assert_eq!((left.live.as_str(), left.positions), ("new", [Qty(2), Qty(0)]));
        let mut more = records;
        more.push(event(EventBody::Accepted { id: OrderId(9) }, Role::Short));
        more.push(event(fill(Side::Sell, 7), Role::Short));
        let left = left_open(&journal(more.clone())).expect("begun");
        assert_eq!((left.positions, left.orders), ([Qty(2), Qty(-7)], [0, 1]));
        more.push(event(fill(Side::Sell, 2), Role::Long));
        let left = left_open(&journal(more)).expect("begun");
        assert!(left.is_flat(Role::Long) && !left.is_flat(Role::Short), "{left:?}");
    }
}
