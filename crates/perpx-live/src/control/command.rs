//! `perpx-live ctl RUN VERB`: said to the process that has the run; where there is none, to its folder.

use super::ears::{KILL, PAUSE, gone};
use super::socket::{Answer, Question, Request, ask};
use super::verbs::{Settling, Verb};
use crate::LiveError;
use crate::journal::log::Log;
use crate::recovery::{Past, TO_A_FOLDER};
use clap::{Args, ValueEnum};
use perpx_data::atomic::write_atomic;
use perpx_venues::recorder::folder;
use perpx_venues::venue::Venue;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Say something to a run, or ask what is in force
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example: perpx-live ctl live/quickstart-86855380-emulated pause --reason \"news at two\"\n\
                        Exit codes: 0 done, 2 it cannot be done, and the text says why")]
pub struct CtlArgs {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// What is said
    #[arg(value_name = "VERB", value_enum)]
    word: Word,
    /// Why; it is written down. clear-kill wants one
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// flatten: the venue of the one leg that is to go, whether the other can be reached or not
    #[arg(long, value_name = "VENUE")]
    leg: Option<String>,
    /// adopt, explain-balance: the venue whose word is taken
    #[arg(long, value_name = "VENUE")]
    venue: Option<String>,
    /// quit: the name of the run's folder; what is open there stays open
    #[arg(long, value_name = "NAME")]
    leave_positions: Option<String>,
    /// The answer as one line of JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Word {
    /// What is in force, held and limited
    Status,
    /// Nothing opens; everything else goes on
    Pause,
    /// As pause, while a difference is looked at
    Hold,
    /// Ends pause, hold and flatten
    Resume,
    /// Leaves a locked position, closes anything else, ends (exit code 7, or 0 when flat)
    Park,
    /// Closes everything, then as pause
    Flatten,
    /// Closes everything, ends (6), and lets nothing start before clear-kill
    Kill,
    /// Takes the latch of kill away; when no process has the run
    ClearKill,
    /// A venue's position is right: what is believed is made to agree by one entry (--venue, --reason)
    Adopt,
    /// A balance's difference was paid in or out, and is no result (--venue, --reason)
    ExplainBalance,
    /// Reads live.toml again
    Reload,
    /// Ends at once and leaves what is open
    Quit,
}

impl Word {
    fn question(self) -> Option<Question> {
        Some(match self {
            Word::Status => Question::Status,
            Word::Reload => Question::Reload,
            Word::Pause => Question::Say(Verb::Pause),
            Word::Hold => Question::Say(Verb::Hold),
            Word::Resume => Question::Say(Verb::Resume),
            Word::Park => Question::Say(Verb::Park),
            Word::Flatten => Question::Say(Verb::Flatten),
            Word::Kill => Question::Say(Verb::Kill),
            Word::Quit => Question::Say(Verb::Quit),
            Word::Adopt => Question::Settle(Settling::Adopt),
            Word::ExplainBalance => Question::Settle(Settling::ExplainBalance),
            Word::ClearKill => return None,
        })
    }
}

/// Says it.
///
/// # Errors
/// No such folder; a process that does not answer.
pub fn said(args: &CtlArgs) -> Result<Answer, LiveError> {
    let no_run = || LiveError::NoRun { path: args.run.clone() };
    let name = args.run.canonicalize().map_err(|_| no_run())?;
    let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if args.word == Word::Quit && args.leave_positions.as_ref() != Some(&name) {
        return Ok(Answer::no(format!(
            "quit leaves what is open and watched by nobody; accepted: --leave-positions {name}; to do: say that, or park"
        )));
    }
    if args.word == Word::ClearKill && args.reason.trim().is_empty() {
        return Ok(Answer::no("clear-kill: why the latch may go is written down; to do: --reason TEXT"));
    }
    if let Some(Question::Settle(_)) = args.word.question()
        && args.reason.trim().is_empty()
    {
        return Ok(Answer::no("why is written down; to do: --reason TEXT"));
    }
    if let Some(ask_for) = args.word.question() {
        let request =
            Request { ask: ask_for, reason: args.reason.clone(), leg: args.leg.clone().or(args.venue.clone()) };
        if let Some(answer) = ask(&args.run, &request).map_err(not_done(&args.run, "its process does not answer"))? {
            return Ok(answer);
        }
    }
    // a process that lives is spoken to, whatever has become of its files
    if !args.run.join("live.toml").is_file() {
        return Err(no_run());
    }
    let nobody = format!("no process has {}", args.run.display());
    if args.word == Word::Status {
        return Ok(last(&args.run, &format!("{nobody}, or it is just beginning, or ending")));
    }
    match folder::lock(&args.run) {
        Ok(_lock) => alone(args, &nobody),
        Err(error) => Ok(Answer::no(match args.word {
            Word::ClearKill => format!("{error}; the latch is cleared when its process has ended"),
            _ => format!("{error}; it does not listen: it is just beginning, or just ending, or has no socket"),
        })),
    }
}

fn not_done(run: &Path, what: &'static str) -> impl Fn(io::Error) -> LiveError {
    move |error| LiveError::NotDone { path: run.to_path_buf(), what, error: error.to_string() }
}

/// Nobody has the run: its folder is worked on, under its LOCK.
fn alone(args: &CtlArgs, nobody: &str) -> Result<Answer, LiveError> {
    if let Some(Question::Settle(settling)) = args.word.question() {
        return settled_later(args, settling, nobody);
    }
    let (pause, kill) = (args.run.join(PAUSE), args.run.join(KILL));
    let why = if args.reason.is_empty() { String::new() } else { format!(": {}", args.reason) };
    let failed = |error| not_done(&args.run, "cannot be written")(error);
    let latch = |path: &Path, word: &str| write_atomic(path, format!("{word} by ctl{why}\n")).map_err(failed);
    match args.word {
        Word::Pause => latch(&pause, "pause")?,
        Word::Kill => latch(&kill, "kill")?,
        Word::Resume => gone(&pause).map_err(failed)?,
        Word::ClearKill if !kill.exists() => return Ok(Answer::done(format!("{nobody}, and it was not killed"))),
        Word::ClearKill => {
            Log::note(&args.run, "clear-kill", "ctl", &args.reason)?;
            gone(&kill).map_err(failed)?;
        }
        _ => {
            return Ok(Answer::no(format!(
                "{nobody}; accepted then: status, pause, resume, kill, clear-kill, adopt, explain-balance; to do: start it, then say it \
                 again"
            )));
        }
    }
    Ok(Answer::done(match args.word {
        Word::Pause => format!("{nobody}; the next start opens nothing until `resume`"),
        Word::Kill => format!("{nobody}; none starts before `clear-kill`, but to close what is open"),
        Word::Resume => format!("{nobody}; the next start may open"),
        _ => format!(
            "{nobody}; the latch is gone and the next start may open. Nothing was looked at and nothing was closed: look at both \
             accounts before that start"
        ),
    }))
}

/// What a difference comes to: the next start does it as soon as five readings have confirmed that it is there.
fn settled_later(args: &CtlArgs, settling: Settling, nobody: &str) -> Result<Answer, LiveError> {
    let names = Venue::ALL.map(|venue| venue.name());
    let Some(venue) = args.venue.as_deref().filter(|venue| names.contains(venue)) else {
        let found = args.venue.as_deref().unwrap_or("nothing");
        return Ok(Answer::no(format!("--venue: found {found}; accepted: {}", names.join(", "))));
    };
    if !args.run.join("journal").is_dir() {
        return Ok(Answer::no(format!("{nobody}, and none ever had: there is nothing to compare")));
    }
    Log::note(&args.run, &settling.of(venue), TO_A_FOLDER, &args.reason)?;
    Ok(Answer::done(format!(
        "{nobody}; the next start does it where the difference is still there, and forgets it where it is not; until then it holds"
    )))
}

/// What the folder tells of a run that nobody has.
fn last(run: &Path, nobody: &str) -> Answer {
    let mut lines = vec![nobody.to_owned()];
    let mut body = serde_json::Map::new();
    for name in [KILL, PAUSE] {
        if let Ok(text) = fs::read_to_string(run.join(name)) {
            lines.push(format!("{name:<9} {}", text.trim()));
            body.insert(name.to_lowercase(), text.trim().into());
        }
    }
    let inside = run.join("journal");
    let read = Past::read(&inside).map_err(LiveError::from).and_then(|(mut past, _)| {
        let newest = std::mem::take(&mut past.words);
        Ok((newest, past.last(&inside)?))
    });
    match read {
        Ok((newest, last)) => {
            if let Some(last) = last {
                lines.push(last.to_string());
                body.insert("last".to_owned(), serde_json::json!(last));
            }
            for (name, (at, content)) in
                ["accounts", "ended"].into_iter().zip(newest).filter_map(|(n, t)| Some((n, t?)))
            {
                let content = content.value();
                let when = if name == "accounts" { "told then, before what came since: " } else { "" };
                lines.push(format!("{name:<9} {} {when}{content}", at.to_second()));
                body.insert(name.to_owned(), content);
            }
        }
        Err(error) => {
            lines.push(error.to_string());
            return Answer { body: Value::Object(body), ..Answer::no(lines.join("\n")) };
        }
    }
    Answer { body: Value::Object(body), ..Answer::done(lines.join("\n")) }
}
