//! Where a venue is: the hosts of each network, and of one that is played on this machine.

use crate::client::Host;
use crate::venue::Venue;
use crate::{grvt, lighter};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// One host of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// By TLS; plain connections stay on this machine.
    pub is_tls: bool,
    /// A name, or a number without brackets.
    pub host: String,
    /// Of TCP.
    pub port: u16,
}

/// The hosts of a venue.
pub type Hosts = BTreeMap<Host, Address>;

/// Which of a venue's networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// Real money.
    Mainnet,
    /// Play money.
    Testnet,
    /// The first port of an emulator, or of a host that the user named.
    Custom(Address),
}

impl Network {
    /// By its word.
    pub fn named(word: &str) -> Option<Network> {
        match word {
            "mainnet" => Some(Network::Mainnet),
            "testnet" => Some(Network::Testnet),
            _ => None,
        }
    }
}

/// Why a host is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
// the texts say what the fields are
#[allow(missing_docs)]
pub enum HostError {
    #[error("{0:?} is no host: accepted are HOST:PORT, http://HOST:PORT on this machine, https://HOST:PORT")]
    Form(String),
    #[error("{0} is not on this machine, and plain http or ws does not leave it: write https://{0}")]
    Plain(String),
    #[error(
        "{0} is not on this machine: a host that is none of the venue's networks is named by --i-know-this-host {0}"
    )]
    Foreign(String),
    #[error(
        "a `ca_file` is for hosts on this machine alone, and {0} is none: its certificate is checked by the roots of the web"
    )]
    Authority(String),
    #[error("port {0} has too few ports after it for the venue's hosts")]
    Ports(u16),
}

impl Address {
    fn web(host: &str) -> Address {
        Address { is_tls: true, host: host.to_owned(), port: 443 }
    }

    /// Reads `HOST:PORT`, with or without `http://` or `https://` before it. `known`: a host elsewhere that the user named; without
    /// a scheme TLS is spoken where `is_tls` says so.
    ///
    /// # Errors
    /// No host, a plain one elsewhere, one elsewhere that was not named.
    pub fn read(text: &str, is_tls: bool, known: Option<&str>) -> Result<Address, HostError> {
        let form = || HostError::Form(text.to_owned());
        let (is_tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (Some(true), rest),
            (_, Some(rest)) => (Some(false), rest),
            _ => (is_tls.then_some(true), text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest.rsplit_once(':').ok_or_else(form)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(form)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b));
        if !is_name || (host.contains(':') && host.parse::<IpAddr>().is_err()) {
            return Err(form());
        }
        let address = Address { is_tls: is_tls.unwrap_or(false), host: host.to_owned(), port };
        match address.is_loopback() {
            true => Ok(address),
            false if known != Some(host) => Err(HostError::Foreign(host.to_owned())),
            false if is_tls == Some(false) => Err(HostError::Plain(rest.to_owned())),
            false => Ok(Address { is_tls: true, ..address }),
        }
    }

    /// It cannot leave this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// What requests begin with.
    pub fn http(&self) -> String {
        format!("http{}://{self}", if self.is_tls { "s" } else { "" })
    }

    /// What a stream's address begins with.
    pub fn ws(&self) -> String {
        format!("ws{}://{self}", if self.is_tls { "s" } else { "" })
    }
}

/// As it stands in an address: without the port that everybody takes.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => f.write_str(&host),
            (_, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// The hosts of a venue in a network.
///
/// # Errors
/// An emulator's first port after which too few follow.
pub fn hosts(venue: Venue, network: &Network) -> Result<Hosts, HostError> {
    let names: &[(Host, &str, &str)] = match venue {
        Venue::Lighter => &[(Host::Main, "mainnet.zklighter.elliot.ai", "testnet.zklighter.elliot.ai")],
        Venue::Grvt => &[
            (Host::Login, "edge.grvt.io", "edge.testnet.grvt.io"),
            (Host::MarketData, "market-data.grvt.io", "market-data.testnet.grvt.io"),
            (Host::Main, "trades.grvt.io", "trades.testnet.grvt.io"),
        ],
    };
    let first = match network {
        Network::Mainnet => return Ok(names.iter().map(|(host, main, _)| (*host, Address::web(main))).collect()),
        Network::Testnet => return Ok(names.iter().map(|(host, _, test)| (*host, Address::web(test))).collect()),
        Network::Custom(first) => first,
    };
    let order = match venue {
        Venue::Lighter => lighter::client::HOSTS,
        Venue::Grvt => grvt::client::HOSTS,
    };
    let at = |(after, host): (u16, &Host)| {
        let port = first.port.checked_add(after).ok_or(HostError::Ports(first.port))?;
        Ok((*host, Address { port, ..first.clone() }))
    };
    (0..).zip(order).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_the_hosts_of_the_venue() {
        let of = |venue, network| {
            let hosts = hosts(venue, &network).expect("hosts");
            hosts.values().map(|address| format!("{} {}", address.http(), address.ws())).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Venue::Lighter, Network::Mainnet),
            ["https://mainnet.zklighter.elliot.ai wss://mainnet.zklighter.elliot.ai"]
        );
        let grvt = of(Venue::Grvt, Network::Testnet);
        assert!(grvt[0].starts_with("https://trades.testnet.grvt.io "), "{grvt:?}");
        assert!(grvt[1].starts_with("https://market-data.testnet.grvt.io "), "{grvt:?}");
        let first = Address::read("127.0.0.1:8021", false, None).expect("a host");
        let grvt = hosts(Venue::Grvt, &Network::Custom(first)).expect("three ports");
        assert_eq!([Host::Login, Host::MarketData, Host::Main].map(|host| grvt[&host].port), [8021, 8022, 8023]);
        let last = Address::read("127.0.0.1:65534", false, None).expect("a host");
        assert_eq!(hosts(Venue::Grvt, &Network::Custom(last)), Err(HostError::Ports(65534)));
    }

    #[test]
    fn what_leaves_this_machine_is_named_and_goes_by_tls() {
        let read = |text, known| Address::read(text, false, known);
        for text in ["127.0.0.1:1", "localhost:80", "[::1]:8020", "http://127.0.0.1:9", "https://127.0.0.2:9/"] {
            let address = read(text, None).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(address.is_tls, text.starts_with("https"), "{text}");
        }
        assert_eq!(Address::read("127.0.0.1:1", true, None).map(|a| a.http()).as_deref(), Ok("https://127.0.0.1:1"));
        assert_eq!(read("[::1]:8020", None).map(|a| a.http()).as_deref(), Ok("http://[::1]:8020"));
        assert_eq!(read("venue.test:443", None), Err(HostError::Foreign("venue.test".to_owned())));
        assert_eq!(read("venue.test:443", Some("other.test")), Err(HostError::Foreign("venue.test".to_owned())));
        assert_eq!(read("venue.test:443", Some("venue.test")).map(|a| a.ws()).as_deref(), Ok("wss://venue.test"));
        let plain = read("http://venue.test:80", Some("venue.test"));
        assert_eq!(plain, Err(HostError::Plain("venue.test:80".to_owned())));
        for text in ["", "venue", "venue:0", "venue:70000", "a b:1", "user@venue:1", "venue:1/path", "fe80::1:1x:2"] {
            assert!(matches!(read(text, Some("venue")), Err(HostError::Form(_))), "{text}");
        }
    }
}
