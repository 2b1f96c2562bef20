"""Hummingbot's connector of GRVT."""
import contextlib, secrets

from eth_account import Account
from hummingbot.connector.derivative.grvt_perpetual import grvt_perpetual_constants as constants
from hummingbot.connector.derivative.grvt_perpetual.grvt_perpetual_derivative import GrvtPerpetualDerivative
from hummingbot_venue import stages
from venue import Emulator, main

SUB_ACCOUNT, PAIR, API_KEY = 82898496677, "BTC-USDT", "a-key-of-this-machine-alone"


@contextlib.asynccontextmanager
async def client():
    wallet = "0x" + secrets.token_hex(32)
    with Emulator("--venue", "grvt", "--account", str(SUB_ACCOUNT), "--grvt-signer", Account.from_key(wallet).address,
                  "--grvt-api-key", API_KEY, "--grvt-calls", "10000") as venue:
        login, market, trades = venue.hosts
        stream = lambda host: host.replace("http", "ws") + "/ws/full"
        constants.DOMAIN_TO_BASE_URLS[constants.DEFAULT_DOMAIN] = {
            "edge": login, "trade": trades, "market": market, "trade_ws": stream(trades), "market_ws": stream(market)}
        yield GrvtPerpetualDerivative(
            grvt_perpetual_api_key=API_KEY, grvt_perpetual_private_key=wallet, grvt_perpetual_trading_account_id=str(SUB_ACCOUNT),
            trading_pairs=[PAIR])


main(stages(client, PAIR))
