//! `[data]`: what is replayed.

use super::File;
use crate::grid::{Data, Warmup};
use perpx_core::config::keys::K;
use perpx_core::config::text::Body;
use perpx_core::config::{ConfigError, ConfigFile, KeyIx, Override, Value, base_asset};
use perpx_core::units::Time;
use perpx_data::loader::OnBadRows;

impl File<'_> {
    pub(super) fn data(&self, base: &ConfigFile, fixed: &[Override]) -> Result<Data, ConfigError> {
        let (_, store) = self.required_text("data.store", "the data store's folder or URL")?;
        let store = match store.contains("://") {
            true => store.to_string(),
            false => self.folder.join(store).display().to_string(),
        };
        let from = self.time("data.from")?;
        let to = self.time("data.to")?;
        if from >= to {
            let found = format!("the range is empty: from {from}, to {to}");
            return Err(self.wrong(
                "data.to",
                found,
                "a time after data.from; `to` itself is not included",
                "write a later `to`",
            ));
        }
        Ok(Data {
            store,
            symbols: self.symbols(base, fixed)?,
            from,
            to,
            warmup: self.choice(
                "data.warmup",
                &[("refuse", Warmup::Refuse), ("late_start", Warmup::LateStart)],
                Warmup::Refuse,
            )?,
            on_bad_rows: self.choice(
                "data.on_bad_rows",
                &[("fail", OnBadRows::Fail), ("drop", OnBadRows::Drop)],
                OnBadRows::Fail,
            )?,
            gap_trades: self.flag("data.gap_trades")?,
        })
    }

    fn time(&self, path: &str) -> Result<Time, ConfigError> {
        let accepted = "a UTC date or time such as 2026-01-05 or 2026-01-05T10:30:00Z";
        let Some(node) = self.find(path) else {
            return Err(self.wrong(path, "this key is not written", accepted, "write the range of the sweep"));
        };
        let value = node.value();
        value
            .text()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.wrong(path, format!("found {value}"), accepted, "write a date"))
    }

    /// A symbol is a part of folder and file names.
    fn name_of_a_symbol(&self, path: &str, symbol: &str) -> Result<(), ConfigError> {
        let is_part = |c: char| c.is_alphanumeric() || "._:-".contains(c);
        if symbol.starts_with(char::is_alphanumeric) && symbol.chars().all(is_part) {
            return Ok(());
        }
        let accepted = "letters, digits and . _ : -, a letter or digit first";
        Err(self.wrong(path, format!("found {symbol:?}"), accepted, "write the data store's name of the perpetual"))
    }

    fn symbols(&self, base: &ConfigFile, fixed: &[Override]) -> Result<Vec<String>, ConfigError> {
        let key: KeyIx = K::Symbol.into();
        let own = fixed.iter().rev().find(|(ix, _)| *ix == key).map(|(_, value)| value).or(base.written(key));
        let own = own.and_then(Value::text).unwrap_or("");
        match (self.text("data.symbol")?, self.find("data.symbols")) {
            (Some((_, symbol)), None) => {
                if base_asset(symbol) != base_asset(own) {
                    let found = format!("found {symbol}, but the strategy file trades {own}");
                    let accepted = format!("a symbol of the coin {}", base_asset(own));
                    return Err(self.wrong(
                        "data.symbol",
                        found,
                        &accepted,
                        "correct one of the two, or write symbols = [...] to sweep others",
                    ));
                }
                self.name_of_a_symbol("data.symbol", symbol)?;
                Ok(vec![symbol.to_string()])
            }
            (None, Some(node)) => {
                let Body::List(items) = &node.body else {
                    return Err(self.wrong(
                        "data.symbols",
                        format!("found {}", node.value()),
                        "a list of names",
                        "write symbols = [\"BTC\", \"ETH\"]",
                    ));
                };
                let mut list: Vec<String> = Vec::new();
                for item in items {
                    match item.value() {
                        Value::Text(text) if !text.is_empty() && !list.contains(&text) => {
                            self.name_of_a_symbol("data.symbols", &text)?;
                            list.push(text);
                        }
                        other => {
                            let found = format!("found {other}");
                            return Err(self.wrong(
                                "data.symbols",
                                found,
                                "a list of different names in quotes",
                                "correct the list",
                            ));
                        }
                    }
                }
                match list.is_empty() {
                    true => Err(self.wrong("data.symbols", "found no symbol", "at least one name", "write a symbol")),
                    false => Ok(list),
                }
            }
            (None, None) => Err(self.wrong(
                "data.symbol",
                "this key is not written",
                "text in quotes",
                "write the data store's name of the perpetual: symbol = \"BTC\"",
            )),
            (Some(_), Some(_)) => Err(self.wrong(
                "data.symbols",
                "found symbols beside symbol",
                "one of the two",
                "delete one of the two",
            )),
        }
    }
}
