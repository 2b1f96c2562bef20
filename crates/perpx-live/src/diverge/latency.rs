//! How long messages took, as the journal shows it: the way back into a world of the sweep.

use super::episode::Episode;
use perpx_core::config::{Latency, World};
use perpx_core::market::{Command, EventBody, NewOrder, OrderId, Role};
use perpx_core::units::{MS, Time, TimeDelta};
use std::collections::BTreeMap;

/// When an order was decided, and how long a way took.
pub type Way = (Time, TimeDelta);

/// Quantiles of a distribution are told at so many equal steps.
const STEPS: usize = 20;

/// By role: from the decision to the venue, its own delay aside; and from the venue to us.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ways(pub [[Vec<Way>; 2]; 2]);

impl Ways {
    /// Of orders that their venue took or filled: the first word of each. What was heard late because nobody was there tells nothing.
    pub fn of(episode: &Episode, world: &World) -> Ways {
        let orders: BTreeMap<OrderId, (Time, NewOrder)> =
            episode.made.iter().filter_map(|(at, command)| Some((command.order(), (*at, placed(command)?)))).collect();
        let (mut ways, mut known) = (Ways::default(), std::collections::BTreeSet::new());
        for event in &episode.events {
            let (EventBody::Accepted { id } | EventBody::Fill { id, .. }) = event.body else { continue };
            let Some((decided, order)) = orders.get(&id).filter(|_| known.insert(id)) else { continue };
            if episode.downs.iter().any(|down| down.to == event.at) || event.venue_time <= *decided {
                continue;
            }
            let v = event.venue.ix();
            let there = event.venue_time.since(*decided) - world.venues[v].delays.of(order.kind);
            let back = event.at.since(event.venue_time);
            ways.0[v][0].push((*decided, there.max(TimeDelta::ZERO)));
            ways.0[v][1].push((*decided, back.max(TimeDelta::ZERO)));
        }
        ways.0.iter_mut().flatten().for_each(|ways| ways.sort_unstable());
        ways
    }

    /// As a world's `quantiles_ms` takes them; `None`: fewer than two were measured.
    pub fn quantiles(&self, role: Role, is_back: bool) -> Option<Vec<f64>> {
        let mut all: Vec<TimeDelta> = self.0[role.ix()][usize::from(is_back)].iter().map(|(_, way)| *way).collect();
        all.sort_unstable();
        let last = all.len().checked_sub(1).filter(|last| *last > 0)?;
        let steps = STEPS.min(last);
        let at = |step: usize| (all[step * last / steps].as_f64(MS) * 1e3).round() / 1e3;
        Some((0..=steps).map(at).collect())
    }
}

fn placed(command: &Command) -> Option<NewOrder> {
    match command {
        Command::Place(order) => Some(*order),
        _ => None,
    }
}

/// The same world in which messages take as long as they took.
pub fn measured(world: &World, Ways(ways): &Ways) -> World {
    let mut world = world.clone();
    for (venue, [there, back]) in world.venues.iter_mut().zip(ways) {
        for (latency, measured) in [(&mut venue.fills.order_latency, there), (&mut venue.fills.response_latency, back)]
        {
            if !measured.is_empty() {
                *latency = Latency::Measured(measured.clone());
            }
        }
        if !there.is_empty() {
            venue.fills.burst.slope = 0.0;
        }
    }
    world
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_stand_at_equal_steps() {
        let way = |n: i64| (Time(n), n * MS);
        let of = |all: Vec<Way>| Ways([[all, Vec::new()], Default::default()]).quantiles(Role::Long, false);
        assert_eq!(of(Vec::new()), None);
        assert_eq!(of(vec![way(5)]), None, "one is no distribution");
        assert_eq!(of(vec![way(7), way(5)]), Some(vec![5.0, 7.0]));
        let all = of((0..=200).map(way).collect()).expect("many");
        assert_eq!((all.len(), all[0], all[10], all[20]), (21, 0.0, 100.0, 200.0));
        assert_eq!(Ways::default().quantiles(Role::Short, true), None);
    }
}
