"""Hummingbot's connector of Lighter."""
import contextlib, json, os

from hummingbot.connector.derivative.lighter_perpetual import lighter_perpetual_constants as constants
from hummingbot.connector.derivative.lighter_perpetual.lighter_perpetual_derivative import LighterPerpetualDerivative
from hummingbot_venue import stages
from venue import Emulator, main

ACCOUNT, KEY, PAIR = 7, 5, "BTC-USDC"
OWNER = "0x87F6433eae757DF1f471bF9Ce03fe32d751Ff9a0"
FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "lighter_signatures.json")


@contextlib.asynccontextmanager
async def client():
    private, public = json.load(open(FIXTURE))["keys"]["alpha"]
    # it sends a market order 5 % through the market, which a venue with a narrower band refuses
    with Emulator("--venue", "lighter", "--tier", "premium", "--weight", "1000000", "--account", str(ACCOUNT), "--price-band", "8",
                  "--l1-address", OWNER, "--api-key", f"{KEY}={public.removeprefix('0x')}") as venue:
        constants.MAINNET_BASE_URL = venue.hosts[0]
        constants.MAINNET_WS_URL = venue.hosts[0].replace("http", "ws") + "/stream"
        yield LighterPerpetualDerivative(
            lighter_perpetual_l1_address=OWNER, lighter_perpetual_api_key_index=KEY, lighter_perpetual_api_public_key=public,
            lighter_perpetual_api_private_key=private, lighter_perpetual_account_limit="Premium", trading_pairs=[PAIR])


main(stages(client, PAIR))
