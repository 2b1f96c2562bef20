"""What every client's script shares: the emulator it trades at, the stage it is asked for, waiting for what must come.

    python CLIENT.py PERPX_DATA STAGE

PERPX_DATA is the built command. A stage is a function of the script; its exit code says whether it worked. Keys are drawn here
and worthless; nothing leaves this machine.
"""
import asyncio, os, re, signal, subprocess, sys, tempfile, time, traceback

# what a client must do at a venue, in the order of the table
STAGES = ["data", "streams", "account", "orders", "position", "history"]


class Emulator:
    """`options` of `perpx-data emulate`, as a context; `hosts` are its addresses, http or https. `tls`: over TLS, its authority in the
    file `authority`."""

    def __init__(self, *options, tls=False):
        # a market that has a past: two hours of trades, candles and settlements
        self.command = [sys.argv[1], "emulate", "--port", "0", "--start-at", "7260", *options]
        self.folder = tempfile.TemporaryDirectory()
        self.authority = os.path.join(self.folder.name, "authority.pem")
        if tls:
            self.command += ["--tls", self.authority]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        told, self.hosts = "", []
        while not told.rstrip().endswith("Ctrl-C ends"):
            line = self.process.stdout.readline()
            assert line, f"the emulator has ended: {told}"
            told += line
        self.hosts = re.findall(r"https?://[\d.:]+", told)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self.folder.cleanup()
        assert code == 0, f"the emulator's exit: {code}"


def same(found, wanted, what):
    assert found == wanted, f"{what}: found {found!r}, wanted {wanted!r}"


def near(found, wanted, what, by=1e-9):
    assert found is not None and abs(float(found) - wanted) <= by, f"{what}: found {found!r}, wanted {wanted!r}"


async def until(what, ask, seconds=15, every=0.1):
    """What `ask` answers once it is no empty answer."""
    end = time.monotonic() + seconds
    while True:
        found = await ask()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        await asyncio.sleep(every)


def main(stages):
    """Runs the stage that the command names; `stages`: coroutine functions by their names."""
    name = sys.argv[2]
    try:
        asyncio.run(asyncio.wait_for(stages[name](), 120))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        # threads of a client may not keep its exit code back
        os._exit(1)
