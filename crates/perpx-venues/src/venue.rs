//! Which venues there are.

/// A venue that this program speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Venue {
    /// Lighter: transactions signed for a rollup.
    Lighter,
    /// GRVT: orders signed as EIP-712.
    Grvt,
}

impl Venue {
    /// Every one, in the order of their declaration.
    pub const ALL: [Venue; 2] = [Venue::Lighter, Venue::Grvt];

    /// As it stands in stores, strategy files, profiles and files of faults.
    pub fn name(self) -> &'static str {
        match self {
            Venue::Lighter => "lighter",
            Venue::Grvt => "grvt",
        }
    }

    /// As an option of a command has it.
    ///
    /// # Errors
    /// No venue has that name.
    pub fn parse(name: &str) -> Result<Venue, String> {
        Venue::named(name).ok_or_else(|| format!("accepted: {}", Venue::ALL.map(Venue::name).join(", ")))
    }

    /// By its name; `None` for one that this program does not speak with.
    pub fn named(name: &str) -> Option<Venue> {
        Venue::ALL.into_iter().find(|venue| venue.name() == name)
    }
}
