//! `perpx-live probe RUN`: the questions of docs/before-live.md, put to a venue by a script. It trades the least that the venue takes,
//! and leaves nothing open.
//!
//! | file | noun |
//! | --- | --- |
//! | `line` | requests and streams to one venue, one after the other; what was placed is taken back |
//! | `progress` | how far it is, and how long the rest takes |
//! | `lighter`, `lighter_questions` | how Lighter is spoken to, and what it is asked |
//! | `grvt`, `grvt_questions` | the same of GRVT |
//! | `answers` | what came of it, as an overlay of the venue's profile |

mod answers;
mod grvt;
mod grvt_questions;
mod lighter;
mod lighter_questions;
mod line;
mod progress;

pub use answers::{Finding, Probed};

use crate::asking::Asking;
use crate::net::hosts::Network;
use crate::net::reach::Reach;
use crate::refresh::RefreshError;
use crate::refresh::ask::Questions;
use crate::refresh::said;
use crate::registry::AccountNumbers;
use progress::Progress;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Requests that are made before the first question, about: how far the venue is, is known by them.
const BEFORE: u32 = 13;

/// Asks a venue everything that a script can ask, on an account that holds nothing. `say`: is told how far it is. `stop`: raised by
/// whoever wants an end: what was placed is taken back, and what was not asked has no answer.
///
/// # Errors
/// A key that is not there, a venue that cannot be reached, an account that is not flat: nothing was sent then.
pub fn probe(
    account: AccountNumbers,
    at: (&Network, Option<&Path>),
    symbol: &str,
    say: &mut dyn FnMut(&str),
    stop: &Arc<AtomicBool>,
) -> Result<Probed, RefreshError> {
    let began = Instant::now();
    let (speaker, limit) = begin(account, at, symbol, stop)?;
    let way = began.elapsed() / BEFORE;
    let groups = match &speaker {
        Speaker::Lighter(_) => &lighter_questions::GROUPS[..],
        Speaker::Grvt(_) => &grvt_questions::GROUPS,
    };
    let mut progress = Progress::new(say, groups, (limit, way), stop.clone());
    progress.begin();
    Ok(match speaker {
        Speaker::Lighter(lighter) => lighter_questions::ask(*lighter, &mut progress),
        Speaker::Grvt(grvt) => grvt_questions::ask(*grvt, &mut progress),
    })
}

/// An order of the least size that rests far from the market, and its cancel: that what is signed here is understood there.
///
/// # Errors
/// As [`probe`]; an order that is not taken, or not cancelled.
pub fn one_order(
    account: AccountNumbers,
    at: (&Network, Option<&Path>),
    symbol: &str,
    stop: &Arc<AtomicBool>,
) -> Result<String, RefreshError> {
    let done = match begin(account, at, symbol, stop)?.0 {
        Speaker::Lighter(mut lighter) => lighter_questions::one_order(&mut lighter),
        Speaker::Grvt(mut grvt) => grvt_questions::one_order(&mut grvt),
    };
    done.map_err(RefreshError::Overlay)
}

enum Speaker {
    Lighter(Box<lighter::Lighter>),
    Grvt(Box<grvt::Grvt>),
}

fn begin(
    account: AccountNumbers,
    (network, authority): (&Network, Option<&Path>),
    symbol: &str,
    stop: &Arc<AtomicBool>,
) -> Result<(Speaker, Option<u32>), RefreshError> {
    let find = Reach::find(account.venue(), network, authority, None);
    let (asking, reach) = Asking::begin(1.0, stop.clone(), find)?;
    // an emulator is limited by its own options
    let asking = if reach.played.is_some() { asking.lifted() } else { asking };
    let mut questions = Questions::new(asking);
    let numbers = match account {
        AccountNumbers::Lighter { index, api_key, .. } => Some((index, api_key)),
        AccountNumbers::Grvt { .. } => None,
    };
    let said = said::ask(&mut questions, &reach, symbol, numbers)?;
    let limit = progress::limit(account.venue(), &said, reach.played.is_some());
    if let Some(window) = progress::window(limit) {
        questions.asking().limit(window);
    }
    let line = line::Line { questions, reach };
    let speaker = match account {
        AccountNumbers::Lighter { index, api_key, .. } => {
            Speaker::Lighter(Box::new(lighter::Lighter::begin(line, (index, api_key), said)?))
        }
        AccountNumbers::Grvt { sub_account } => Speaker::Grvt(Box::new(grvt::Grvt::begin(line, sub_account, said)?)),
    };
    Ok((speaker, limit))
}
