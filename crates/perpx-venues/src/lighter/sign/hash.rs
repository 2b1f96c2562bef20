//! The numbers of a transaction, in the order in which the venue hashes them.

use super::tx::{Head, NewOrder, Tx};
use goldilocks_crypto::{Fp5Element, Goldilocks};
use poseidon_hash::{HashOut, hash_n_to_one, hash_no_pad, hash_to_quintic_extension};
use std::fmt;

/// The hash of a transaction: what is signed, and the name by which the venue answers. 40 bytes, little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TxHash(pub [u8; 40]);

impl fmt::Display for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TxHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TxHash({self})")
    }
}

/// Hash of `tx` on the chain `chain_id`: the head, then the body. Attributes are hashed apart (four pairs, ascending, the rest
/// zero) and both hashes once more.
pub fn tx_hash(chain_id: u32, head: &Head, tx: &Tx) -> TxHash {
    let mut numbers = vec![i64::from(chain_id), i64::from(tx.kind()), head.nonce, head.expired_at];
    numbers.extend([head.account_index, head.api_key_index]);
    let mut elements: Vec<Goldilocks> = Vec::with_capacity(24);
    match tx {
        Tx::CreateOrder(order) => numbers.extend(order_numbers(order)),
        Tx::CancelOrder { market, index } => numbers.extend([market, index]),
        Tx::CancelAll { time_in_force, time } => numbers.extend([time_in_force, time]),
        Tx::ModifyOrder { market, index, base_amount, price, trigger_price } => {
            numbers.extend([market, index, base_amount, price, trigger_price]);
        }
        Tx::UpdateLeverage { market, initial_margin_fraction, margin_mode } => {
            numbers.extend([market, initial_margin_fraction, margin_mode]);
        }
        Tx::UpdateMargin { market, usdc_amount, direction } => {
            numbers.extend([*market, usdc_amount & 0xffff_ffff, usdc_amount >> 32, *direction]);
        }
        Tx::CreateGroup { grouping, .. } => numbers.push(*grouping),
        Tx::ChangePubKey { .. } => {}
        Tx::ApproveIntegrator { integrator, fees, expiry, .. } => {
            numbers.push(*integrator);
            numbers.extend(fees);
            numbers.push(*expiry);
        }
    }
    elements.extend(numbers.into_iter().map(|number| lane(number as u64)));
    match tx {
        Tx::CreateGroup { orders, .. } => {
            let hashes: Vec<HashOut> = orders.iter().map(order_hash).collect();
            elements.extend(hash_n_to_one(&hashes));
        }
        Tx::ChangePubKey { public_key, .. } => elements.extend(lanes(public_key)),
        _ => {}
    }
    let body = quintic(&elements);
    if head.attributes.is_empty() {
        return TxHash(canonical(&body));
    }
    let pairs = head.attributes.iter().flat_map(|(&kind, &value)| [lane(u64::from(kind)), lane(value as u64)]);
    let pairs: Vec<Goldilocks> = pairs.chain(std::iter::repeat(Goldilocks::zero())).take(8).collect();
    let both: Vec<Goldilocks> = body.0.into_iter().chain(quintic(&pairs).0).collect();
    TxHash(canonical(&quintic(&both)))
}

/// The ASCII bytes of an auth token's message, eight to a number, the last one filled up with zeros.
pub(super) fn text_hash(text: &str) -> TxHash {
    TxHash(canonical(&quintic(&lanes(text.as_bytes()))))
}

fn order_numbers(order: &NewOrder) -> [i64; 10] {
    let NewOrder { market_index, client_order_index, base_amount, price, is_ask, .. } = *order;
    let NewOrder { order_type, time_in_force, reduce_only, trigger_price, order_expiry, .. } = *order;
    let first = [market_index, client_order_index, base_amount, price, is_ask];
    let last = [order_type, time_in_force, reduce_only, trigger_price, order_expiry];
    std::array::from_fn(|at| if at < 5 { first[at] } else { last[at - 5] })
}

fn order_hash(order: &NewOrder) -> HashOut {
    hash_no_pad(&order_numbers(order).map(|number| lane(number as u64)))
}

fn lane(number: u64) -> Goldilocks {
    Goldilocks::from_noncanonical_u64(number)
}

fn lanes(bytes: &[u8]) -> Vec<Goldilocks> {
    let eight = |chunk: &[u8]| chunk.iter().rev().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    bytes.chunks(8).map(|chunk| lane(eight(chunk))).collect()
}

/// Five lanes of the sponge.
pub(super) fn quintic(elements: &[Goldilocks]) -> Fp5Element {
    hash_to_quintic_extension(elements)
}

/// Bytes of five limbs below the order of the field. (The crate writes a limb as it stands, and one in 2^32 stands above it.)
pub(super) fn canonical(element: &Fp5Element) -> [u8; 40] {
    let mut bytes = [0; 40];
    for (out, limb) in bytes.chunks_exact_mut(8).zip(&element.0) {
        out.copy_from_slice(&limb.to_canonical_u64().to_le_bytes());
    }
    bytes
}
