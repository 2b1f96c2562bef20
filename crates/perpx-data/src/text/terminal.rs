//! The terminal of the commands: how wide, in which colours, and to whom. A reader that has gone is no error.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};

/// Columns of the terminal: what `COLUMNS` says, else what the terminal says. Without one (a pipe, a file) there is no
/// limit, so that a line stays a line.
pub fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    let seen = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    asked.or_else(seen).filter(|columns| *columns > 0).unwrap_or(usize::MAX)
}

/// Writes a text and a line end to the standard output and returns `code`, the command's exit code; where the text could
/// not be written (a full disk), 1 in place of 0. A reader that stopped reading (`| head -1`) has what it wanted.
pub fn print(text: &str, code: u8) -> u8 {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            print_err(&format!("error: the output cannot be written: {error}"));
            code.max(1)
        }
        _ => code,
    }
}

/// Writes a line to the standard error, if anybody listens.
pub fn print_err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says what went wrong: on the standard error, and with `json` as a line for machines too. Returns `code`.
pub fn fail(error: &dyn std::fmt::Display, json: bool, code: u8) -> u8 {
    print_err(&format!("error: {error}"));
    match json {
        true => print(&serde_json::json!({ "exit": code, "error": error.to_string() }).to_string(), code),
        false => code,
    }
}

/// Red where the output is a terminal that has colours, unless `NO_COLOR` is set.
pub fn red(text: &str) -> String {
    let set = |name: &str| std::env::var_os(name);
    match coloured(std::io::stdout().is_terminal(), set("NO_COLOR"), set("TERM")) {
        true => format!("\x1b[31m{text}\x1b[0m"),
        false => text.to_string(),
    }
}

fn coloured(terminal: bool, no_color: Option<OsString>, term: Option<OsString>) -> bool {
    terminal && no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|term| term != "dumb")
}

/// Writes a script that completes the command's words in a shell.
pub fn completions(mut command: clap::Command, shell: clap_complete::Shell) -> u8 {
    let name = command.get_name().to_string();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(String::from_utf8_lossy(&script).trim_end(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_needs_a_terminal_and_no_veto() {
        let some = |text: &str| Some(OsString::from(text));
        assert!(coloured(true, None, some("xterm")) && coloured(true, some(""), None));
        assert!(!coloured(false, None, some("xterm")));
        assert!(!coloured(true, some("1"), some("xterm")));
        assert!(!coloured(true, None, some("dumb")));
    }
}
