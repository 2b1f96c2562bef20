//! `[evidence]`: how the winner is judged.

use super::File;
use crate::grid::{EvidencePlan, MOST_ATOMS, MOST_DRAWS, WALK_KINDS};
use perpx_core::config::text::{Body, Node};
use perpx_core::config::{ConfigError, Num};
use perpx_core::stats::ATOM_STEP;

impl File<'_> {
    pub(super) fn evidence(&self) -> Result<EvidencePlan, ConfigError> {
        let own = EvidencePlan::default();
        let number = |path: &str, least: u32, most: u32, own: u32| {
            let found = self.number(path, f64::from(least), f64::from(most))?;
            Ok::<u32, ConfigError>(found.map_or(own, |num| num.as_f64() as u32))
        };
        let target = self.number("evidence.target_sharpe", 0.1, 100.0)?;
        let blocks = number("evidence.blocks", 8, 16, own.blocks)?;
        if ![8, 12, 16].contains(&blocks) {
            return Err(self.wrong("evidence.blocks", format!("found {blocks}"), "8, 12, 16", "choose one of these"));
        }
        let (folds, is_anchored) = self.walk_forward(own)?;
        Ok(EvidencePlan {
            atoms: self.atoms()?,
            draws: number("evidence.draws", 100, MOST_DRAWS, own.draws)?,
            blocks,
            folds,
            is_anchored,
            target_sharpe: target.map_or(own.target_sharpe, Num::as_f64),
        })
    }

    fn atoms(&self) -> Result<Option<u32>, ConfigError> {
        let path = "evidence.atoms";
        let Some(node) = self.find(path) else { return Ok(None) };
        let value = node.value();
        let number = value.num().filter(|num| num.is_whole()).and_then(|num| u32::try_from(num.as_i64()?).ok());
        match (value.text(), number) {
            (Some("auto"), _) => Ok(None),
            (_, Some(atoms)) if atoms % ATOM_STEP == 0 && (ATOM_STEP..=MOST_ATOMS).contains(&atoms) => Ok(Some(atoms)),
            _ => {
                let accepted = format!("\"auto\", or a multiple of {ATOM_STEP} from {ATOM_STEP} to {MOST_ATOMS}");
                Err(self.wrong(path, format!("found {value}"), &accepted, "write atoms = \"auto\""))
            }
        }
    }

    /// The number of folds, and whether the first line is the anchored one.
    fn walk_forward(&self, own: EvidencePlan) -> Result<(u32, bool), ConfigError> {
        let path = "evidence.walk_forward";
        let Some(node) = self.find(path) else { return Ok((own.folds, own.is_anchored)) };
        let remedy = "write walk_forward = { folds = 5, kind = \"rolling\" }";
        let wrong = |node: &Node, path: &str, found: String, accepted: &str| {
            ConfigError::new(&self.source.name, path, found)
                .accepted(accepted)
                .remedy(remedy)
                .at(self.source, node.place)
        };
        if !matches!(node.body, Body::Map(_)) {
            return Err(wrong(node, path, format!("found {}", node.value()), "a table with folds and kind"));
        }
        let mut out = (own.folds, own.is_anchored);
        for entry in node.entries() {
            let (path, value) = (format!("{path}.{}", entry.key), entry.node.value());
            let found = format!("found {value}");
            match entry.key.as_str() {
                "folds" => {
                    let whole = value.num().filter(|num| num.is_whole() && (2.0..=20.0).contains(&num.as_f64()));
                    let Some(folds) = whole else {
                        return Err(wrong(&entry.node, &path, found, "a whole number from 2 to 20"));
                    };
                    out.0 = folds.as_f64() as u32;
                }
                "kind" => {
                    let Some(kind) = WALK_KINDS.iter().position(|kind| value.text() == Some(kind)) else {
                        return Err(wrong(&entry.node, &path, found, &WALK_KINDS.join(", ")));
                    };
                    out.1 = kind == 1;
                }
                _ => return Err(wrong(&entry.node, &path, "this key is unknown".to_string(), "folds, kind")),
            }
        }
        Ok(out)
    }
}
