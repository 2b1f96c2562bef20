//! Whether a winner may trade with money: what its sweep found, and what the trader answers to it. Where nothing is at stake every
//! winner runs, and the verdict is printed.

use super::LiveError;
use super::strategy_file::{Provenance, StrategyFile};
use perpx_core::config::{ConfigError, Value, evidence_hash};
use perpx_core::strategy::VERSION;
use std::path::Path;

/// Letters of a reason, at least.
pub const REASON: usize = 20;
/// The check that speaks of where the data came from.
const DATA: &str = "data";

/// What the trader says of a winner that is not strong.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// A weak one will do.
    pub accept_weak: bool,
    /// `check=reason`.
    pub overrides: Vec<String>,
}

/// What a best.yml says of its winner.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    verdict: String,
    /// Name and grade.
    checks: Vec<(String, String)>,
    is_synthetic: bool,
}

/// Judges the winner of a best.yml for trading with money; gives what is to be known of it.
///
/// # Errors
/// A bad file; [`LiveError::Gate`] with all that stands against it.
pub fn admit(path: &Path, answers: &Answers) -> Result<String, LiveError> {
    let refused = |against: Vec<String>| LiveError::Gate { config: path.to_path_buf(), against: against.join("; ") };
    let file = StrategyFile::open(path)?;
    let provenance = Provenance::of(&file)?;
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(&path.display().to_string(), "", format!("this file cannot be read: {error}"))
            .accepted("a best.yml as perpx-sweep writes it")
            .remedy("check the file")
    })?;
    let Some(found) = Found::of(&provenance) else {
        return Err(refused(vec!["no sweep judged it (provenance.evidence is not there)".to_string()]));
    };
    let said = |key: &str| provenance.find(key).map(Value::to_string);
    let mut against = Vec::new();
    if said("evidence.hash").is_none() || said("evidence.hash") != evidence_hash(&text) {
        against.push("its evidence is not as a sweep of this program writes it (evidence.hash): it was changed, or an earlier program wrote it; \
             sweep again"
                .to_string());
    }
    if said("strategy_version") != Some(VERSION.to_string()) || said("code").is_none() {
        against.push(format!("it was swept by rules that are not these (strategy_version {VERSION}, code)"));
    }
    if said("configuration") != Some(file.id(&[])?) {
        against.push("its keys are not those that were swept (configuration)".to_string());
    }
    against.extend(found.against(answers));
    match against.is_empty() {
        true => Ok(format!("verdict   {}{}", found.verdict, found.accepted(answers))),
        false => Err(refused(against)),
    }
}

impl Found {
    fn of(provenance: &Provenance<'_>) -> Option<Found> {
        let field = |map: &Value, name: &str| match map {
            Value::Map(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string()),
            _ => None,
        };
        let Value::List(checks) = provenance.find("evidence.checks")? else { return None };
        Some(Found {
            verdict: provenance.find("evidence.verdict")?.to_string(),
            checks: checks
                .iter()
                .map(|check| Some((field(check, "name")?, field(check, "grade")?)))
                .collect::<Option<_>>()?,
            is_synthetic: *provenance.find("evidence.facts.is_synthetic")? != Value::Bool(false),
        })
    }

    /// Checks that a reason can set aside.
    fn refused(&self) -> impl Iterator<Item = &str> {
        let refused = self.checks.iter().filter(|(name, grade)| grade == "refused" && name != DATA);
        refused.map(|(name, _)| name.as_str())
    }

    /// All that stands against it, what the trader answers taken in.
    fn against(&self, answers: &Answers) -> Vec<String> {
        let mut against = Vec::new();
        if self.is_synthetic {
            against.push("its data is synthetic: nothing that was made up speaks for money".to_string());
        }
        for answer in &answers.overrides {
            let (name, reason) = answer.split_once('=').unwrap_or((answer, ""));
            if !self.refused().any(|refused| refused == name) {
                let names: Vec<&str> = self.refused().collect();
                let accepted =
                    if names.is_empty() { "none: no check refuses it".to_string() } else { names.join(", ") };
                against.push(format!("--override {name}: accepted are {accepted}"));
            } else if reason.trim().chars().count() < REASON {
                against.push(format!("--override {name}: a reason of at least {REASON} letters is wanted"));
            }
        }
        let is_answered = |name: &str| answers.overrides.iter().any(|answer| answer.split('=').next() == Some(name));
        match self.verdict.as_str() {
            "strong" => {}
            "weak" if answers.accept_weak => {}
            "weak" => against.push("it is weak, which --accept-weak would take".to_string()),
            _ => against.extend(
                self.refused()
                    .filter(|name| !is_answered(name))
                    .map(|name| format!("its check {name} is refused, which --override {name}=REASON would set aside")),
            ),
        }
        if !matches!(self.verdict.as_str(), "strong" | "weak") && self.refused().next().is_none() {
            against.push(format!("its verdict is {}", self.verdict));
        }
        against
    }

    fn accepted(&self, answers: &Answers) -> String {
        match answers.overrides.as_slice() {
            [] if self.verdict == "weak" => "; accepted as weak".to_string(),
            [] => String::new(),
            overrides => format!("; set aside: {}", overrides.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(verdict: &str, refused: &[&str]) -> Found {
        let check =
            |name: &str| (name.to_string(), if refused.contains(&name) { "refused" } else { "strong" }.to_string());
        let checks = ["length", "luck", "held_out", DATA].map(check).to_vec();
        Found { verdict: verdict.to_string(), checks, is_synthetic: refused.contains(&DATA) }
    }

    fn answered(accept_weak: bool, overrides: &[&str]) -> Answers {
        Answers { accept_weak, overrides: overrides.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn what_is_not_strong_wants_an_answer() {
        let none = answered(false, &[]);
        let against = |found: &Found, answers: &Answers| found.against(answers).join("; ");
        assert_eq!(against(&found("strong", &[]), &none), "");
        assert!(against(&found("weak", &[]), &none).contains("--accept-weak"));
        assert_eq!(against(&found("weak", &[]), &answered(true, &[])), "");
        let two = found("refused", &["length", "luck"]);
        assert!(
            against(&two, &answered(true, &[])).contains("--override length=REASON"),
            "accepting weak is not enough"
        );
        let reason = "luck=seen over two years elsewhere";
        let left = against(&two, &answered(false, &[reason]));
        assert!(left.contains("check length") && !left.contains("check luck"), "{left}");
        let all = answered(false, &[reason, "length=two weeks are all there is of it"]);
        assert_eq!(against(&two, &all), "");
        assert!(two.accepted(&all).contains(reason));
        assert!(against(&two, &answered(false, &["luck=short", reason])).contains("at least 20 letters"));
        assert!(
            against(&two, &answered(false, &["all=every one of these rows together"]))
                .contains("accepted are length, luck")
        );
    }

    #[test]
    fn made_up_data_is_never_for_money() {
        let made_up = found("strong", &[DATA]);
        assert!(made_up.against(&answered(true, &[])).join("").contains("synthetic"));
        let answers = answered(true, &["data=it looks so very real to me, does it not"]);
        assert_eq!(made_up.against(&answers).len(), 2, "no reason sets it aside");
        assert_eq!(found("unheard", &[]).against(&answered(true, &[])), ["its verdict is unheard"]);
    }
}
