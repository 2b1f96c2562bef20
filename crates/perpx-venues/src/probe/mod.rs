//! `perpx-live probe RUN`: the questions of docs/before-live.md, put to a venue by a script. It trades the least that the venue takes,
//! and leaves nothing open.
//!
//! | file | noun |
//! | --- | --- |
//! | `line` | requests and streams to one venue, one after the other |
//! | `lighter`, `lighter_questions` | how Lighter is spoken to, and what it is asked |
//! | `grvt`, `grvt_questions` | the same of GRVT |
//! | `answers` | what came of it, as an overlay of the venue's profile |

mod answers;
mod grvt;
mod grvt_questions;
mod lighter;
mod lighter_questions;
mod line;

pub use answers::{Finding, Probed};

use crate::asking::Asking;
use crate::net::hosts::Network;
use crate::net::reach::Reach;
use crate::refresh::RefreshError;
use crate::refresh::ask::Questions;
use crate::refresh::said;
use crate::registry::AccountNumbers;
use std::path::Path;
use std::sync::Arc;

/// Asks a venue everything that a script can ask, on an account that holds nothing. `say`: is told of each question.
///
/// # Errors
/// A key that is not there, a venue that cannot be reached, an account that is not flat: nothing was sent then.
pub fn probe(
    account: AccountNumbers,
    (network, authority): (&Network, Option<&Path>),
    symbol: &str,
    say: &mut dyn FnMut(&str),
) -> Result<Probed, RefreshError> {
    match begin(account, (network, authority), symbol)? {
        Speaker::Lighter(lighter) => lighter_questions::ask(*lighter, say),
        Speaker::Grvt(grvt) => grvt_questions::ask(*grvt, say),
    }
}

/// An order of the least size that rests far from the market, and its cancel: that what is signed here is understood there.
///
/// # Errors
/// As [`probe`]; an order that is not taken, or not cancelled.
pub fn one_order(
    account: AccountNumbers,
    (network, authority): (&Network, Option<&Path>),
    symbol: &str,
) -> Result<String, RefreshError> {
    let done = match begin(account, (network, authority), symbol)? {
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
) -> Result<Speaker, RefreshError> {
    let find = Reach::find(account.venue(), network, authority, None);
    let (asking, reach) = Asking::begin(1.0, Arc::default(), find)?;
    // an emulator is limited by its own options
    let asking = if reach.played.is_some() { asking.lifted() } else { asking };
    let mut questions = Questions::new(asking);
    let numbers = match account {
        AccountNumbers::Lighter { index, api_key, .. } => Some((index, api_key)),
        AccountNumbers::Grvt { .. } => None,
    };
    let said = said::ask(&mut questions, &reach, symbol, numbers)?;
    let line = line::Line { questions, reach };
    Ok(match account {
        AccountNumbers::Lighter { index, api_key, .. } => {
            Speaker::Lighter(Box::new(lighter::Lighter::begin(line, (index, api_key), said)?))
        }
        AccountNumbers::Grvt { sub_account } => Speaker::Grvt(Box::new(grvt::Grvt::begin(line, sub_account, said)?)),
    })
}
