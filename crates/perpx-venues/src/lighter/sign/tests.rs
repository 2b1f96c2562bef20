//! Against vectors of the venue's own signer: keys, hashes, signatures, tokens, JSON and refusals.

use super::*;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Made by `tests/sdk/lighter_vectors.py`; the keys are throw-away ones.
#[derive(Deserialize)]
struct Vectors {
    /// Name to private and public key.
    keys: BTreeMap<String, [String; 2]>,
    transactions: Vec<Transaction>,
    tokens: Vec<(String, String)>,
    checks: Vec<Check>,
}

/// Name, chain, key, type, `tx_info`, hash.
#[derive(Deserialize)]
struct Transaction(String, u32, String, u8, String, String);

/// Name, function of the signer, its arguments, grouping and orders, the field that was refused.
#[derive(Deserialize)]
struct Check(String, String, Vec<i64>, Option<i64>, Option<Vec<[i64; 10]>>, Option<String>);

fn vectors(text: &str) -> Vectors {
    serde_json::from_str(text).expect("vectors")
}

fn shipped() -> Vectors {
    vectors(include_str!("../../../../../tests/fixtures/lighter_signatures.json"))
}

fn hold(vectors: &Vectors) {
    let mut public = BTreeMap::new();
    for (name, [private, shown]) in &vectors.keys {
        let shown = PublicKey::from_hex(shown).expect("a point");
        match PrivateKey::from_hex(private) {
            Ok(key) => assert_eq!(*key.public(), shown, "{name}"),
            Err(error) => assert_eq!((name.as_str(), error), ("order_minus_one", KeyError::Range)),
        }
        public.insert(name.as_str(), (private, shown));
    }
    for Transaction(name, chain_id, key, kind, info, hash) in &vectors.transactions {
        let read = SignedTx::from_json(*kind, info).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.to_json(), *info, "{name}");
        let (private, public) = &public[key.as_str()];
        let verified = read.verify(public, *chain_id).unwrap_or_else(|refused| panic!("{name}: {refused}"));
        assert_eq!(verified.map(|hash| hash.to_string()).as_ref(), Some(hash), "{name}");
        // another chain, another number, another signature
        assert_eq!(read.verify(public, chain_id + 1), Ok(None), "{name}");
        let head = Head { nonce: read.head.nonce ^ 1, ..read.head.clone() };
        assert_eq!(SignedTx { head, ..read.clone() }.verify(public, *chain_id), Ok(None), "{name}");
        let mut signature = read.signature;
        signature.0[hash.len() % 80] ^= 1;
        assert_eq!(SignedTx { signature, ..read.clone() }.verify(public, *chain_id), Ok(None), "{name}");
        // ours
        if let Ok(key) = PrivateKey::from_hex(private) {
            let (ours, ours_hash) =
                SignedTx::sign(&key, *chain_id, read.head.clone(), read.tx.clone()).expect("a signature");
            assert_eq!(ours_hash.to_string(), *hash, "{name}");
            assert_eq!(ours.verify(public, *chain_id), Ok(Some(ours_hash)), "{name}");
            assert_ne!(ours.signature, read.signature, "{name}: the same random number twice");
        }
    }
    for (key, text) in &vectors.tokens {
        let (private, public) = &public[key.as_str()];
        let token = AuthToken::parse(text).expect("a token");
        assert_eq!(token.to_string(), *text);
        assert!(token.verify(public), "{text}");
        assert!(!AuthToken { deadline: token.deadline + 1, ..token.clone() }.verify(public), "{text}");
        let key = PrivateKey::from_hex(private).expect("a key");
        let ours = AuthToken::sign(&key, token.deadline, token.account_index, token.api_key_index).expect("a token");
        assert!(ours.verify(public), "{text}");
    }
    let (mut refused, mut differ) = (0, Vec::new());
    let key = PrivateKey::from_hex(&vectors.keys["alpha"][0]).expect("a key");
    for check in &vectors.checks {
        let (head, tx) = asked(check);
        let found = match SignedTx::sign(&key, 304, head, tx) {
            Ok(_) => None,
            Err(TxError::Refused(refused)) => Some(refused.field),
            Err(error) => panic!("{}: {error}", check.0),
        };
        // "?": refused, for one reason of several
        let agree = found == check.5.as_deref() || (check.5.as_deref() == Some("?") && found.is_some());
        if !agree {
            differ.push(format!("{} {} {:?} {:?}: {found:?}, not {:?}", check.0, check.1, check.2, check.4, check.5));
        }
        refused += usize::from(found.is_some());
    }
    assert!(differ.is_empty(), "{differ:#?}");
    println!(
        "lighter: {} keys, {} transactions, {} tokens, {} checks ({refused} refused) agree",
        vectors.keys.len(),
        vectors.transactions.len(),
        vectors.tokens.len(),
        vectors.checks.len()
    );
}

/// The transaction that the arguments of the signer's function ask for. What is nil there is left out here.
fn asked(Check(name, function, args, grouping, orders, _): &Check) -> (Head, Tx) {
    let mut attributes = Attributes::new();
    let mut set = |kinds: &[u8], values: &[i64], nil: i64| {
        attributes.extend(kinds.iter().copied().zip(values.iter().copied()).filter(|(_, value)| *value != nil));
    };
    let order = |of: &[i64]| NewOrder {
        market_index: of[0],
        client_order_index: of[1],
        base_amount: of[2],
        price: of[3],
        is_ask: of[4],
        order_type: of[5],
        time_in_force: of[6],
        reduce_only: of[7],
        trigger_price: of[8],
        order_expiry: of[9],
    };
    let market = args[0];
    let skip_and_nonce = |at: usize| (args[at], args[at + 1]);
    let ((skip, nonce), tx) = match function.as_str() {
        "SignCreateOrder" => {
            set(&[1, 2, 3, 6, 7], &args[10..15], 0);
            (skip_and_nonce(15), Tx::CreateOrder(order(args)))
        }
        "SignCancelOrder" => (skip_and_nonce(2), Tx::CancelOrder { market, index: args[1] }),
        "SignCancelAllOrders" => {
            set(&[5], &args[2..3], 255);
            (skip_and_nonce(3), Tx::CancelAll { time_in_force: args[0], time: args[1] })
        }
        "SignModifyOrder" => {
            set(&[1, 2, 3, 6, 7], &args[5..10], 0);
            set(&[8], &args[12..13], 0);
            let (index, base_amount, price, trigger_price) = (args[1], args[2], args[3], args[4]);
            (skip_and_nonce(10), Tx::ModifyOrder { market, index, base_amount, price, trigger_price })
        }
        "SignUpdateLeverage" => {
            let tx = Tx::UpdateLeverage { market, initial_margin_fraction: args[1], margin_mode: args[2] };
            (skip_and_nonce(3), tx)
        }
        "SignUpdateMargin" => {
            (skip_and_nonce(3), Tx::UpdateMargin { market, usdc_amount: args[1], direction: args[2] })
        }
        "SignCreateGroupedOrders" => {
            let orders = orders.iter().flatten().map(|of| order(of)).collect();
            (skip_and_nonce(0), Tx::CreateGroup { grouping: grouping.unwrap_or(0), orders })
        }
        other => panic!("{name}: {other}"),
    };
    set(&[4], &[skip], 0);
    let head = Head { account_index: 123_456, api_key_index: 5, expired_at: 1_795_405_810_153, nonce, attributes };
    (head, tx)
}

#[test]
fn the_venues_own_signer_agrees() {
    hold(&shipped());
}

/// `tests/sdk/run` makes new vectors and calls this.
#[test]
#[ignore = "wants PERPX_LIGHTER_VECTORS, a file of tests/sdk/lighter_vectors.py"]
fn sdk_vectors_of_lighter() {
    let path =
        std::env::var("PERPX_LIGHTER_VECTORS").expect("PERPX_LIGHTER_VECTORS: a file of tests/sdk/lighter_vectors.py");
    hold(&vectors(&std::fs::read_to_string(path).expect("the file")));
}

#[test]
fn only_safe_keys_are_taken_and_none_is_printed() {
    let little = |number: [u64; 5]| hex::encode(number.map(u64::to_le_bytes).concat());
    let order = goldilocks_crypto::ScalarField::N.0;
    let less = |by: u64| little([order[0] - by, order[1], order[2], order[3], order[4]]);
    for refused in [little([0; 5]), less(1), less(0), little([u64::MAX; 5])] {
        assert_eq!(PrivateKey::from_hex(&refused).err(), Some(KeyError::Range), "{refused}");
    }
    for no_hex in ["", "00", "zz", &"g".repeat(80), &format!("{}00", less(2))] {
        assert_eq!(PrivateKey::from_hex(no_hex).err(), Some(KeyError::NotHex), "{no_hex}");
    }
    let text = less(2);
    let key = PrivateKey::from_hex(&format!("0x{text}")).expect("the largest that is taken");
    assert!(!format!("{key:?}").contains(&text[..16]));
    let hash = TxHash([7; 40]);
    assert!(key.public().verify(&hash, &key.sign(&hash).expect("a signature")));
    for no_point in ["00".repeat(40), "ff".repeat(40), "03".repeat(39)] {
        assert_eq!(PublicKey::from_hex(&no_point), Err(KeyError::NotAPoint), "{no_point}");
    }
    let token = AuthToken::sign(&key, 1, 2, 3).expect("a token");
    assert!(!format!("{token:?}").contains(&token.signature.to_hex()[..8]));
}

#[test]
fn signatures_with_scalars_off_the_range_are_refused() {
    let vectors = shipped();
    let Transaction(_, chain, key, kind, info, _) = &vectors.transactions[0];
    let public = PublicKey::from_hex(&vectors.keys[key][1]).expect("a point");
    let read = SignedTx::from_json(*kind, info).expect("a transaction");
    // s + order, the same number to the curve, does not fit 40 bytes here or is another signature
    let mut carried = read.signature;
    let mut carry = 0u128;
    for (limb, order) in carried.0[..40].chunks_exact_mut(8).zip(goldilocks_crypto::ScalarField::N.0) {
        let sum = u128::from(u64::from_le_bytes(limb.try_into().expect("8 bytes"))) + u128::from(order) + carry;
        limb.copy_from_slice(&(sum as u64).to_le_bytes());
        carry = sum >> 64;
    }
    assert_eq!(SignedTx { signature: carried, ..read }.verify(&public, *chain), Ok(None));
}

#[test]
fn forms_that_are_no_transaction_are_named() {
    let said = |kind, text: &str| SignedTx::from_json(kind, text).expect_err("no transaction").to_string();
    let head = r#""AccountIndex":1,"ApiKeyIndex":5,"ExpiredAt":1,"Nonce":1,"Sig":"""#;
    assert_eq!(said(15, &format!("{{{head},\"MarketIndex\":1}}")), "tx_info of tx_type 15 has no Index");
    assert_eq!(said(12, &format!("{{{head}}}")), "tx_type 12 is none of 8, 14, 15, 16, 17, 20, 28, 29, 45");
    let cancel = format!("{{{head},\"MarketIndex\":1,\"Index\":2}}");
    assert_eq!(said(15, &cancel), "Sig is not base64 of 80 bytes");
    assert!(said(15, "{").starts_with("tx_info: "));
    for text in ["1:2:3", "1:2:3:00", "01:2:3:", "a:b:c:d"] {
        assert_eq!(AuthToken::parse(text), Err(TokenError), "{text}");
    }
    let signature = "00".repeat(80);
    assert!(AuthToken::parse(&format!("1:2:3:{signature}")).is_ok());
    assert_eq!(AuthToken::parse(&format!("+1:2:3:{signature}")), Err(TokenError));
}

/// Made by the library of lighter-sdk 1.1.8 with a throw-away key.
#[test]
fn an_approval_of_an_integrator_is_read_as_it_was_signed() {
    let text = r#"{"AccountIndex":7,"ApiKeyIndex":254,"IntegratorAccountIndex":718718,"MaxPerpsTakerFee":1000,"MaxPerpsMakerFee":1000,
        "MaxSpotTakerFee":1000,"MaxSpotMakerFee":1000,"ApprovalExpiry":1800000000000,"ExpiredAt":1795973718141,"Nonce":3,
        "Sig":"EnrpOnzqlym85dQd7zwDJgIXS+vdJxiPlTVVsxf2QAaqlJXY3EawBV70lUMpYaTPfK/DYzywGXh0XBxs0QJPAy8Aiy/aY3bMxn/3LVPfIz0=",
        "L1Sig":"","L2TxAttributes":{"4":1}}"#;
    let key = "ce6d709fb1e7458a40ab47da13e944fc5a2461d3d7635bf09f9ff47af93ab1131ec72ee3d7cefe9e";
    let key = PublicKey::from_hex(key).expect("a key");
    let signed = SignedTx::from_json(tx_type::APPROVE_INTEGRATOR, text).expect("an approval");
    assert!(signed.verify(&key, 304).expect("legal").is_some());
    let more = SignedTx::from_json(tx_type::APPROVE_INTEGRATOR, &text.replace("Fee\":1000", "Fee\":2000"))
        .expect("an approval");
    assert!(more.verify(&key, 304).expect("legal").is_none());
}
