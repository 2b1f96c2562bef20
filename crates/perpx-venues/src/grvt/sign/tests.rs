//! Against vectors of the venue's own client, and of the same encoding by other hands where that client cannot sign.

use super::encode::{domain, type_hash};
use super::*;
use crate::grvt::rest::Instrument;
use crate::grvt::trade::{AddPositionMargin, CreateOrder, SetDeriskRatio, SetPositionConfig, Signature};
use crate::wire::parse_value;
use perpx_core::units::{NS, SECOND, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Made by `tests/sdk/grvt_vectors.py`; the key is a throw-away one.
#[derive(Deserialize)]
struct Vectors {
    private_key: String,
    address: String,
    type_hashes: BTreeMap<String, String>,
    domain_separators: BTreeMap<u64, String>,
    vectors: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
struct Vector {
    name: String,
    chain_id: u64,
    primary_type: String,
    instrument_hash: Option<String>,
    base_decimals: Option<u32>,
    struct_hash: String,
    digest: String,
    wire: Value,
}

fn vectors(text: &str) -> Vectors {
    serde_json::from_str(text).expect("vectors")
}

fn shipped() -> Vectors {
    vectors(include_str!("../../../../../tests/fixtures/grvt_signatures.json"))
}

fn instrument(name: &str, hash: &str, base_decimals: u32) -> Instrument {
    let value = json!({"instrument": name, "instrument_hash": hash, "base": "B", "quote": "Q", "kind": "PERPETUAL",
        "base_decimals": base_decimals, "quote_decimals": 6, "tick_size": "0.1", "min_size": "0.001"});
    parse_value("instrument", value).expect("an instrument")
}

fn assets(vector: &Vector) -> Assets {
    let mut assets = Assets::default();
    let name = match vector.wire.pointer("/order/legs/0/instrument").or(vector.wire.get("instrument")) {
        Some(name) => name.as_str().expect("a name"),
        None => return assets,
    };
    let hash = vector.instrument_hash.as_deref().unwrap_or("0x030501");
    assets.add(&instrument(name, hash, vector.base_decimals.unwrap_or(9))).expect("an asset");
    assets
}

fn hold_one<T: Signed + Clone>(message: T, vector: &Vector, key: &PrivateKey) {
    let (name, assets) = (&vector.name, assets(vector));
    let word = |word: [u8; 32]| format!("0x{}", hex::encode(word));
    assert_eq!(word(message.struct_hash(&assets).expect("a hash")), vector.struct_hash, "{name}");
    assert_eq!(word(digest(vector.chain_id, &message, &assets).expect("a digest")), vector.digest, "{name}");
    assert_eq!(recover(&message, vector.chain_id, &assets), Ok(key.address()), "{name}");
    // the client may leave the chain out
    let chain_id = Some(vector.chain_id.into());
    let given = Signature { chain_id, ..message.signature().clone() };
    let mut ours = message.clone();
    let blank = Signature { signer: String::new(), r: String::new(), s: String::new(), v: 0.into(), ..given.clone() };
    *ours.signature_mut() = blank;
    key.sign(&mut ours, vector.chain_id, &assets).expect("a signature");
    assert_eq!(*ours.signature(), given, "{name}");
    // what is sent is what was signed
    let mut other = message;
    other.signature_mut().nonce.0 ^= 1;
    let refused = recover(&other, vector.chain_id, &assets).expect_err("another message");
    assert_eq!(refused.code(), 2002, "{name}: {refused}");
}

fn hold(vectors: &Vectors) {
    let key = PrivateKey::from_hex(&vectors.private_key).expect("a key");
    assert_eq!(key.address().to_string(), vectors.address);
    for (name, hash) in &vectors.type_hashes {
        let found = type_hash(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(format!("0x{}", hex::encode(found)), *hash, "{name}");
    }
    for (chain, separator) in &vectors.domain_separators {
        assert_eq!(format!("0x{}", hex::encode(domain(*chain))), *separator, "{chain}");
    }
    for vector in &vectors.vectors {
        let wire = vector.wire.clone();
        match vector.primary_type.as_str() {
            "Order" | "OrderWithBuilderFee" => {
                let create: CreateOrder = parse_value("order", wire).unwrap_or_else(|e| panic!("{}: {e}", vector.name));
                assert_eq!(serde_json::to_value(&create).expect("a tree"), vector.wire, "{}", vector.name);
                hold_one(create.order, vector, &key);
            }
            "SetSubAccountPositionMarginConfig" => {
                hold_one::<SetPositionConfig>(parse_value("config", wire).expect("a config"), vector, &key);
            }
            "AddIsolatedPositionMargin" => {
                hold_one::<AddPositionMargin>(parse_value("margin", wire).expect("an amount"), vector, &key);
            }
            "SetDeriskToMaintenanceMarginRatio" => {
                hold_one::<SetDeriskRatio>(parse_value("ratio", wire).expect("a ratio"), vector, &key);
            }
            other => panic!("{other}"),
        }
    }
    println!("grvt: {} signed messages agree", vectors.vectors.len());
}

#[test]
fn the_venues_own_client_agrees() {
    hold(&shipped());
}

/// `tests/sdk/run` makes new vectors and calls this.
#[test]
#[ignore = "wants PERPX_GRVT_VECTORS, a file of tests/sdk/grvt_vectors.py"]
fn sdk_vectors_of_grvt() {
    let path = std::env::var("PERPX_GRVT_VECTORS").expect("PERPX_GRVT_VECTORS: a file of tests/sdk/grvt_vectors.py");
    hold(&vectors(&std::fs::read_to_string(path).expect("the file")));
}

#[test]
fn each_fault_of_a_signature_has_its_code() {
    let vectors = shipped();
    let vector = &vectors.vectors[0];
    let create: CreateOrder = parse_value("order", vector.wire.clone()).expect("an order");
    let assets = assets(vector);
    let code = |change: &dyn Fn(&mut Signature)| {
        let mut order = create.order.clone();
        change(&mut order.signature);
        recover(&order, 325, &assets).map_err(|error| error.code())
    };
    assert!(code(&|_| {}).is_ok());
    assert!(code(&|s| s.chain_id = None).is_ok() && code(&|s| s.chain_id = Some(0.into())).is_ok());
    assert!(code(&|s| s.signer = s.signer.to_lowercase()).is_ok());
    assert_eq!(code(&|s| s.chain_id = Some(326.into())), Err(1012));
    for v in [0, 1, 26, 29, 255] {
        assert_eq!(code(&|s| s.v = v.into()), Err(2005), "{v}");
    }
    assert_eq!(code(&|s| s.v = 28.into()), Err(2002));
    let order = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for r in
        ["", "0x", "353d", &"0".repeat(66), order, &format!("0x{}", "0".repeat(64)), &format!("0x{}", "g".repeat(64))]
    {
        assert_eq!(code(&|s| s.r = r.to_owned()), Err(2006), "{r}");
        assert_eq!(code(&|s| s.s = r.to_owned()), Err(2006), "{r}");
    }
    // order - s and the other v: the same signature to the curve
    let high = "0xdac72db6047142702facdaec4e9915f56f2b8a0054f5e18e6f4d9950d0165986";
    assert_eq!(code(&|s| (s.s, s.v) = (high.to_owned(), 28.into())), Err(2007));
    assert_eq!(code(&|s| s.signer = "0x12".to_owned()), Err(2000));
    assert_eq!(code(&|s| s.expiration.0 += 1), Err(2002));
    assert_eq!(recover(&create.order, 326, &assets).map_err(|error| error.code()), Err(1012));
    assert_eq!(recover(&create.order, 325, &Assets::default()).map_err(|error| error.code()), Err(2061));
    let end = Time(create.order.signature.expiration.0);
    let at = |now: Time| check_expiry(&create.order.signature, now).map_err(|error| error.code());
    assert_eq!(at(end.plus(-SECOND)), Ok(()));
    assert_eq!(at(end.plus(-MAX_EXPIRY)), Ok(()));
    assert_eq!((at(end), at(end.plus(-MAX_EXPIRY - NS))), (Err(2001), Err(2008)));
}

#[test]
fn numbers_that_cannot_be_signed_are_named() {
    let vectors = shipped();
    let vector = &vectors.vectors[0];
    let said = |pointer: &str, value: Value| {
        let mut wire = vector.wire.clone();
        *wire.pointer_mut(pointer).expect("a field") = value;
        let create: CreateOrder = parse_value("order", wire).expect("an order");
        create.order.struct_hash(&assets(vector)).expect_err("no hash").to_string()
    };
    assert_eq!(said("/order/legs/0/size", json!("20000000000")), "size \"20000000000\" does not fit u64");
    assert_eq!(said("/order/legs/0/limit_price", json!("-1")), "limit_price \"-1\" does not fit u64");
    assert_eq!(said("/order/legs/0/size", json!("")), "size \"\" does not fit u64");
    assert_eq!(said("/order/time_in_force", json!("SOON")), "time_in_force \"SOON\" has no number to be signed by");
    let mut listed = Assets::default();
    for hash in ["", "0x", "0xzz", &"1".repeat(65)] {
        assert!(listed.add(&instrument("X", hash, 9)).is_err(), "{hash}");
    }
    assert!(PrivateKey::from_hex(&"00".repeat(32)).is_none() && PrivateKey::from_hex("01").is_none());
    let key = PrivateKey::from_hex(&vectors.private_key).expect("a key");
    assert!(!format!("{key:?}").contains("0101"));
}
