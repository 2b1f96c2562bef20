"""Random transactions, tokens and refusals of Lighter's own signer, in the form of tests/fixtures/lighter_signatures.json.

    python lighter_vectors.py COUNT SEED OUT

The signer is the library inside lighter-sdk 1.1.8; it stamps ExpiredAt and draws the signature's random number itself. The keys
are drawn here and worthless. Nothing is sent: the one peer is a stub on the loopback, from whose complaint about a wrong key the
signer's own public key is read.
"""
import ctypes, glob, http.server, importlib.util, json, os, platform, random, sys, threading

ORDER = 1067993516717146951041484916571792702745057740581727230159139685185762082554198619328292418486241
M32, M48, M60 = 2**32 - 1, 2**48 - 1, 2**60 - 1
I64, I32, U8 = ctypes.c_longlong, ctypes.c_int, ctypes.c_uint8
ATTRIBUTES, TAIL = [I64, I32, I32, U8, U8], [U8, I64, I32, I64]
FUNCTIONS = {
    "SignCreateOrder": [I64, I64, I64] + [I32] * 6 + [I64] + ATTRIBUTES + TAIL,
    "SignCancelOrder": [I64, I64] + TAIL,
    "SignCancelAllOrders": [I32, I64, I64] + TAIL,
    "SignModifyOrder": [I64] * 5 + ATTRIBUTES + [U8, I64, I64, I32, I64],
    "SignUpdateLeverage": [I64, I32, I32] + TAIL,
    "SignUpdateMargin": [I64, I64, I32] + TAIL,
}

# where the switch for the attribute "skip nonce" stands among the arguments
SKIP = {name: len(arguments) - (5 if name == "SignModifyOrder" else 4) for name, arguments in FUNCTIONS.items()}
SKIP["SignCreateGroupedOrders"] = 0


class Order(ctypes.Structure):
    _fields_ = [("market", I64), ("client", I64), ("base", I64), ("price", ctypes.c_uint32), ("ask", U8), ("type", U8),
                ("tif", U8), ("reduce", U8), ("trigger", ctypes.c_uint32), ("expiry", I64)]


class Signed(ctypes.Structure):
    _fields_ = [("type", U8), ("info", ctypes.c_char_p), ("hash", ctypes.c_char_p), ("message", ctypes.c_char_p),
                ("error", ctypes.c_char_p)]


class Token(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char_p), ("error", ctypes.c_char_p)]


def library():
    root = importlib.util.find_spec("lighter").submodule_search_locations[0]
    arch = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "amd64"
    lib = ctypes.CDLL(glob.glob(os.path.join(root, "signers", f"lighter-signer-linux-{arch}.so"))[0])
    for name, arguments in FUNCTIONS.items():
        function = getattr(lib, name)
        function.argtypes, function.restype = arguments, Signed
    lib.SignCreateGroupedOrders.argtypes = [U8, ctypes.POINTER(Order), I32] + ATTRIBUTES + TAIL
    lib.SignCreateGroupedOrders.restype = Signed
    lib.CreateClient.argtypes, lib.CreateClient.restype = [ctypes.c_char_p, ctypes.c_char_p, I32, I32, I64], ctypes.c_char_p
    lib.CheckClient.argtypes, lib.CheckClient.restype = [I32, I64], ctypes.c_char_p
    lib.CreateAuthToken.argtypes, lib.CreateAuthToken.restype = [I64, I32, I64], Token
    return lib


class Stub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        keys = [{"account_index": 1, "api_key_index": n, "nonce": 0, "public_key": "00" * 40} for n in range(255)]
        body = json.dumps({"code": 200, "api_keys": keys}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(count, seed, out):
    draw = random.Random(seed)
    lib = library()

    def edge(low, high):
        """A number of the range: often one of its ends or a power of two."""
        some = [low, low + 1, high - 1, high, draw.randint(low, high), draw.randint(low, high)]
        power = 2 ** draw.randrange(64)
        return draw.choice(some + [n for n in (power - 1, power, power + 1) if low <= n <= high])

    def client(key, chain, api_key, account, url=""):
        error = lib.CreateClient(url.encode(), key.encode(), chain, api_key, account)
        if error:
            sys.exit(error.decode())

    # keys: both ends of the range, and random ones
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    numbers = [1, 2, 3, ORDER - 2, ORDER - 3, 2**319 - 1 if 2**319 - 1 < ORDER else ORDER // 2, 2**64, 2**64 - 1]
    numbers += [2 ** draw.randrange(318) for _ in range(8)] + [draw.randrange(1, ORDER - 1) for _ in range(max(8, count // 10))]
    keys = {"alpha": numbers.pop()} | {f"key {n}": number for n, number in enumerate(numbers)}
    keys = {name: [number.to_bytes(40, "little").hex(), ""] for name, number in keys.items()}
    for n, pair in enumerate(keys.values()):
        client(pair[0], 304, n % 255, 900 + n, f"http://127.0.0.1:{server.server_address[1]}")
        pair[1] = lib.CheckClient(n % 255, 900 + n).decode().split("ownPubKey: ")[1].split()[0]
    server.shutdown()

    def market():
        return draw.choice([0, 1, 2, 254, 256, 4095, M48, edge(0, 254), edge(256, M48)])

    def attributes():
        """Integrator, its two fees, self-trade mode and scope."""
        kind = draw.randrange(6)
        if kind == 0:
            return [edge(1, M48 - 1), draw.choice([0, edge(1, 10**6)]), draw.choice([0, edge(1, 10**6)]), 0, 0]
        if kind == 1:
            mode = draw.randrange(4)
            return [0, 0, 0, mode, draw.randrange(2) if mode != 3 else 0]
        return [0] * 5

    def end():
        return [draw.randrange(2), edge(0, M48)]

    def order():
        kind = draw.randrange(7)
        tif = {0: draw.randrange(3), 1: 0, 2: 0, 4: 0, 6: 1}.get(kind, draw.randrange(3))
        expiry = 0 if kind == 1 or (kind, tif) == (0, 0) else edge(1, 2**63 - 1)
        trigger = edge(1, M32) if kind in (2, 3, 4, 5) else 0
        reduce = draw.randrange(2)
        return [market(), edge(0, M48), edge(1 - reduce, M48), edge(1, M32), draw.randrange(2), kind, tif, reduce, trigger, expiry]

    def group():
        kind, where, side, expiry = draw.randint(1, 3), market(), draw.randrange(2), edge(1, 2**62)
        size = edge(1, M48) if kind == 2 else 0
        first = [where, edge(0, M48), edge(1, M48), edge(1, M32), 1 - side, 0, draw.randint(1, 2), 0, 0, expiry]

        def exit(types):
            type_ = draw.choice(types)
            tif = draw.randrange(3) if type_ in (3, 5) else 0
            return [where, 0, size, edge(1, M32), side, type_, tif, 1, edge(1, M32), expiry]
        exits = [exit([2, 3]), exit([4, 5])]
        return kind, {1: [first, draw.choice(exits)], 2: exits, 3: [first] + exits}[kind]

    def case():
        name = draw.choice(list(FUNCTIONS) + ["SignCreateOrder"] * 4 + ["SignCreateGroupedOrders"])
        if name == "SignCreateGroupedOrders":
            kind, orders = group()
            return name, end(), kind, orders
        arguments = {
            "SignCreateOrder": lambda: order() + attributes() + end(),
            "SignCancelOrder": lambda: [market(), edge(1, M60)] + end(),
            "SignCancelAllOrders": lambda: draw.choice([[0, 0, draw.choice([255, market()])], [1, edge(1, 2**63 - 1), 255], [2, 0, 255]]) + end(),
            "SignModifyOrder": lambda: [market(), edge(1, M60), edge(0, M48), edge(1, M32), draw.choice([0, edge(1, M32)])]
            + attributes() + end() + [draw.choice([0, edge(1, M48)])],
            "SignUpdateLeverage": lambda: [market(), edge(1, 10_000), draw.randrange(2)] + end(),
            "SignUpdateMargin": lambda: [market(), edge(1, M60), draw.randrange(2)] + end(),
        }[name]()
        return name, arguments, None, None

    def call(name, arguments, kind, orders, api_key, account):
        given = [ctypes.c_int(a).value if t is I32 else a for a, t in zip(arguments, FUNCTIONS.get(name, TAIL))]
        if orders is not None:
            rows = (Order * len(orders))(*[Order(*row) for row in orders])
            return lib.SignCreateGroupedOrders(kind, rows, len(orders), 0, 0, 0, 0, 0, *given, api_key, account)
        return getattr(lib, name)(*given, api_key, account)

    transactions, refused = [], 0
    while len(transactions) < count:
        key, chain = draw.choice(list(keys)), draw.choice([304, 300, 466324])
        api_key, account = edge(0, 254), edge(1, M48 - 1)
        client(keys[key][0], chain, api_key, account)
        name, arguments, kind, orders = case()
        got = call(name, arguments, kind, orders, api_key, account)
        if got.error:
            # more than four attributes, by chance
            refused += 1
            if refused > count:
                sys.exit(f"{name} {arguments} {orders}: {got.error.decode()}")
            continue
        transactions.append([f"{len(transactions)} {name}", chain, key, got.type, got.info.decode(), got.hash.decode()])

    tokens = []
    for _ in range(count // 3):
        key, account, api_key, deadline = draw.choice(list(keys)), edge(1, M48 - 1), edge(0, 254), edge(1, 10**12)
        client(keys[key][0], 304, api_key, account)
        tokens.append([key, lib.CreateAuthToken(deadline, api_key, account).text.decode()])

    # legal cases with one argument moved, most of them off its range: what does the signer say?
    checks = []
    client(keys["alpha"][0], 304, 5, 123456)
    odd = [0, 1, 2, 3, 4, 6, 7, 8, 100, 254, 255, 256, 10_000, 10_001, 10**6, 10**6 + 1, M32, M48 - 1, M48, M48 + 1, M60, M60 + 1, 2**62]
    while len(checks) < count:
        name, arguments, kind, orders = case()
        arguments = list(arguments)
        types = FUNCTIONS.get(name, TAIL)
        row = draw.choice(orders) if orders else arguments
        at = draw.randrange(len(row))
        # wider numbers are cut off by the signer's interface, and its bound on nonces is the venue's to judge
        limit = {U8: 255, I32: 255}.get(Order._fields_[at][1] if orders else types[at], 2**62)
        if orders and at in (3, 8) or name == "SignCreateOrder" and at in (3, 8) or name == "SignModifyOrder" and at in (3, 4):
            limit = M32
        elif name == "SignUpdateLeverage" and at == 1:
            limit = 65_535
        elif not orders and at == SKIP[name] + 1:
            limit = M48
        # a switch of the interface, no part of the transaction: what is not 1 is off
        if not orders and at == SKIP[name]:
            limit = 1
        row[at] = draw.choice([value for value in odd if value <= limit])
        got = call(name, arguments, kind, orders, 5, 123456)
        checks.append([f"check {len(checks)}", name, arguments, kind, orders, "?" if got.error else None])
        if os.environ.get("PERPX_SDK_SAY"):
            print(checks[-1], got.error)

    refusals = sum(check[5] is not None for check in checks)
    with open(out, "w") as file:
        json.dump({"keys": keys, "transactions": transactions, "tokens": tokens, "checks": checks}, file)
    print(f"lighter-sdk: {len(keys)} keys, {len(transactions)} transactions, {len(tokens)} tokens, {len(checks)} checks ({refusals} refused)")


main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
