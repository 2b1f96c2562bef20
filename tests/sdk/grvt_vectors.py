"""Random orders and margin requests signed by GRVT's own client, in the form of tests/fixtures/grvt_signatures.json.

    python grvt_vectors.py COUNT SEED OUT

Orders are signed by grvt-pysdk 0.2.1. What it cannot sign (builder fees, the margin requests) is signed by eth_account, which is
what it signs with itself.
"""
import json, random, sys
from decimal import Decimal, getcontext

from eth_account import Account
from eth_account.messages import encode_typed_data
from pysdk.grvt_raw_base import GrvtApiConfig
from pysdk.grvt_raw_env import GrvtEnv
from pysdk.grvt_raw_signing import EIP712_ORDER_MESSAGE_TYPE, build_EIP712_order_message_data, sign_order
from pysdk.grvt_raw_types import (Instrument, InstrumentSettlementPeriod, Kind, Order, OrderLeg, OrderMetadata, Signature,
                                  TimeInForce, Venue)

getcontext().prec = 60
ENVIRONMENTS = {325: GrvtEnv.PROD, 326: GrvtEnv.TESTNET, 327: GrvtEnv.STAGING}
SMALL = {
    "SetSubAccountPositionMarginConfig": "uint64 subAccountID,uint256 asset,uint8 marginType,int32 leverage",
    "AddIsolatedPositionMargin": "uint64 subAccountID,uint256 asset,int64 amount",
    "SetDeriskToMaintenanceMarginRatio": "uint64 subAccountID,uint32 deriskToMaintenanceMarginRatio",
}


def fields(text):
    return [dict(zip(("type", "name"), field.split(" "))) for field in text.split(",")]


def main(count, seed, out):
    draw = random.Random(seed)
    secret = "0x" + draw.randrange(1, 2**255).to_bytes(32, "big").hex()
    account = Account.from_key(secret)

    def edge(low, high):
        power = 2 ** draw.randrange(64)
        near = [n for n in (power - 1, power, power + 1) if low <= n <= high]
        return draw.choice([low, low + 1, high - 1, high, draw.randint(low, high), draw.randint(low, high)] + near)

    def decimal(units, decimals):
        """`units` of 10^-decimals, at times with digits behind that are cut off, or with zeros."""
        text = f"{Decimal(units).scaleb(-decimals):f}"
        if draw.randrange(4) == 0 and len(text) < 24:
            text += ("" if "." in text else ".") + str(draw.choice([0, 5, 9, 99, 999]))
        return text

    def hashes(chain, types, message):
        signable = encode_typed_data({"name": "GRVT Exchange", "version": "0", "chainId": chain}, types, message)
        signed = Account.sign_message(signable, secret)
        return "0x" + signable.body.hex(), "0x" + signed.message_hash.hex(), signed

    def wire(signed, nonce, expiration, chain):
        word = lambda n: "0x" + n.to_bytes(32, "big").hex()
        return {"signer": account.address, "r": word(signed.r), "s": word(signed.s), "v": signed.v,
                "expiration": str(expiration), "nonce": nonce, "chain_id": str(chain)}

    vectors = []
    for n in range(count):
        chain, sub, nonce, expiration = draw.choice(list(ENVIRONMENTS)), edge(0, 2**64 - 1), edge(0, M32), edge(0, 2**63 - 1)
        decimals, asset = draw.randrange(0, 10), hex(edge(1, 2**draw.choice([24, 63, 200, 256]) - 1))
        size, market = decimal(edge(1, 2**64 - 1), decimals), draw.randrange(5) == 0
        price = "0" if market else decimal(edge(1, 2**64 - 1), 9)
        tif = draw.choice(list(TimeInForce)[:4])
        flags = {"is_market": market, "post_only": draw.randrange(2) == 1, "reduce_only": draw.randrange(2) == 1}
        name = f"B{n}_USDT_Perp"
        instrument = Instrument(instrument=name, instrument_hash=asset, base="B", quote="USDT", kind=Kind.PERPETUAL,
                                venues=[Venue.ORDERBOOK], settlement_period=InstrumentSettlementPeriod.PERPETUAL,
                                base_decimals=decimals, quote_decimals=6, tick_size="0.1", min_size="0.001", create_time="0",
                                max_position_size="1")
        client = str(edge(2**63, 2**64 - 1))
        leg = OrderLeg(instrument=name, size=size, limit_price=price, is_buying_asset=draw.randrange(2) == 1)
        order = Order(sub_account_id=str(sub), time_in_force=tif, legs=[leg], metadata=OrderMetadata(client_order_id=client),
                      signature=Signature(signer="", r="", s="", v=0, expiration=str(expiration), nonce=nonce), **flags)
        config = GrvtApiConfig(env=ENVIRONMENTS[chain], trading_account_id=str(sub), private_key=secret, api_key=None, logger=None)
        order = sign_order(order, config, account, {name: instrument})
        message = build_EIP712_order_message_data(order, {name: instrument})
        for key in ("subAccountID", "expiration"):
            message[key] = int(message[key])
        message["legs"][0]["assetID"] = int(asset, 16)
        struct, digest, signed = hashes(chain, EIP712_ORDER_MESSAGE_TYPE, message)
        given = order.signature
        sent = {"sub_account_id": str(sub), **flags, "time_in_force": tif.value,
                "legs": [{"instrument": name, "size": size, "limit_price": price, "is_buying_asset": leg.is_buying_asset}],
                "signature": {"signer": given.signer, "r": given.r, "s": given.s, "v": given.v, "expiration": str(expiration),
                              "nonce": nonce, "chain_id": str(chain)},
                "metadata": {"client_order_id": client}}
        kind = "Order"
        if draw.randrange(6) == 0:
            kind, builder, fee = "OrderWithBuilderFee", "0x" + draw.randrange(2**160).to_bytes(20, "big").hex(), edge(0, M32)
            sent |= {"builder": builder, "builder_fee": decimal(fee, 4)}
            message |= {"builder": builder, "builderFee": fee}
            order_fields = EIP712_ORDER_MESSAGE_TYPE["Order"]
            types = {kind: order_fields[:6] + fields("address builder,uint32 builderFee") + order_fields[6:],
                     "OrderLeg": EIP712_ORDER_MESSAGE_TYPE["OrderLeg"]}
            struct, digest, signed = hashes(chain, types, message)
            sent["signature"] = wire(signed, nonce, expiration, chain)
        vectors.append({"name": f"{n} {kind}", "chain_id": chain, "primary_type": kind, "instrument_hash": asset,
                        "base_decimals": decimals, "struct_hash": struct, "digest": digest, "wire": {"order": sent}})
    for n in range(count // 3):
        chain, sub, nonce, expiration = draw.choice(list(ENVIRONMENTS)), edge(0, 2**64 - 1), edge(0, M32), edge(0, 2**63 - 1)
        kind, asset = draw.choice(list(SMALL)), edge(1, 2**200)
        message, sent = {"subAccountID": sub, "asset": asset}, {"sub_account_id": str(sub), "instrument": "B_USDT_Perp"}
        if kind.startswith("SetSub"):
            message |= {"marginType": draw.randint(1, 2), "leverage": edge(1, 2**31 - 1)}
            margin = ["ISOLATED", "CROSS"][message["marginType"] - 1]
            sent |= {"margin_type": margin, "leverage": decimal(message["leverage"], 6)}
        elif kind.startswith("Add"):
            message["amount"] = draw.choice([-1, 1]) * edge(1, 2**63 - 1)
            sent["amount"] = decimal(message["amount"], 6)
        else:
            message["deriskToMaintenanceMarginRatio"] = edge(0, M32)
            sent["ratio"] = decimal(message["deriskToMaintenanceMarginRatio"], 6)
            del sent["instrument"], message["asset"]
        message |= {"nonce": nonce, "expiration": expiration}
        types = {kind: fields(SMALL[kind] + ",uint32 nonce,int64 expiration")}
        struct, digest, signed = hashes(chain, types, message)
        sent["signature"] = wire(signed, nonce, expiration, chain)
        vectors.append({"name": f"{n} {kind}", "chain_id": chain, "primary_type": kind, "instrument_hash": hex(asset),
                        "base_decimals": 9, "struct_hash": struct, "digest": digest, "wire": sent})
    with open(out, "w") as file:
        json.dump({"private_key": secret, "address": account.address, "type_hashes": {}, "domain_separators": {},
                   "vectors": vectors}, file)
    print(f"grvt-pysdk: {len(vectors)} signed messages, {count} of them orders")


M32 = 2**32 - 1
main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
