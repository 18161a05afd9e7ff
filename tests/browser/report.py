#!/usr/bin/env python3
"""Opens pages of `sagan report` in headless Chromium, moves what can be moved, and looks at what changed.

usage: report.py CHROMIUM FOLDER PAGE...

Speaks the DevTools protocol over a pipe (file descriptors 3 and 4, messages end with a NUL), so it needs nothing but the
standard library. Pictures for a person to look at go into FOLDER: light, dark, and the page on paper.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import time

FAILED = []


def check(what, good, found=""):
    print(f"{'ok  ' if good else 'FAIL'} {what} {found}".rstrip())
    if not good:
        FAILED.append(what)


class Browser:
    def __init__(self, program, profile):
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def place():
            # Both numbers may be taken by the other's pipe: copies out of the way first.
            a, b = os.dup(to_read), os.dup(from_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.child = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={profile}", "--window-size=1300,1000", "about:blank"],
            close_fds=False, preexec_fn=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.to, self.of = os.fdopen(to_write, "wb"), os.fdopen(from_read, "rb")
        self.number, self.session, self.events = 0, None, []

    def read(self):
        text = bytearray()
        while (c := self.of.read(1)) not in (b"\0", b""):
            text += c
        if not text:
            sys.exit("the browser went away")
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.to.write(json.dumps(message).encode() + b"\0")
        self.to.flush()
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def open(self, url):
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=url)
        # Not an event: that of the empty page may come late.
        for _ in range(600):
            if self.value("location.protocol === 'file:' && document.readyState === 'complete'"):
                return
            time.sleep(0.1)
        sys.exit(f"{url}: not loaded within a minute")

    def value(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            sys.exit(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def click(self, selector, y=0.5, x=0.5):
        r = self.value(f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{block: "center"}}); const b = e.getBoundingClientRect();
            return [b.left, b.top, b.width, b.height]; }})()""")
        at = {"x": r[0] + x * r[2], "y": r[1] + y * r[3], "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", **{**at, "button": "none"})
        self.call("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                      windowsVirtualKeyCode={"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "Home": 36}[name])

    def troubles(self):
        out = []
        for e in self.events:
            p = e.get("params", {})
            if e.get("method") == "Runtime.exceptionThrown":
                out.append(p["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif e.get("method") == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
                out.append(p["entry"]["text"])
            elif e.get("method") == "Runtime.consoleAPICalled":
                out.append("console." + p["type"])
            elif e.get("method") == "Network.requestWillBeSent":
                if not p["request"]["url"].startswith(("file:", "data:", "about:")):
                    out.append("asks " + p["request"]["url"])
        return out


PIXELS = "(() => {{ const c = document.querySelectorAll('#looks0 .looks > figure > canvas')[{0}];" \
    "return c.toDataURL(); }})()"


def try_page(b, url):
    b.open(url)
    check("the script ran to its end", b.value("document.documentElement.dataset.ready") == "yes")
    check("nothing of a name became an element", b.value("document.querySelectorAll('[onload], img:not(.samples img)')"
                                                           ".length") == 0)
    runs = b.value("JSON.parse(document.getElementById('data').textContent).runs.length")
    chart = "document.querySelector('#chart-loss svg path.line').getAttribute('d')"
    before = b.value(chart)
    b.value("(() => { const s = document.getElementById('smooth'); s.value = .9;"
            "s.dispatchEvent(new Event('input')); })()")
    check("smoothing changes a curve", b.value(chart) != before)
    before = b.value(chart)
    b.click("#chart-loss input[type=checkbox]")
    check("a logarithmic axis changes a curve", b.value(chart) != before)
    b.click("#chart-loss svg", 0.5, 0.6)
    hover = b.value("document.querySelector('#chart-loss .value').textContent")
    check("the mouse shows values", hover.startswith("step ") and "D loss" in hover, hover)
    b.value("document.querySelector('#chart-loss svg').focus()")
    b.key("Home")
    first = b.value("document.querySelector('#chart-loss .value').textContent")
    check("keys move along a curve", first.startswith("step ") and first != hover, first)
    shown = "document.querySelector('#samples0 img').src"
    last = b.value(shown)
    b.value("document.getElementById('sample0').focus()")
    b.key("ArrowLeft")
    check("the slider shows earlier samples", b.value(shown) != last and
          b.value("document.querySelector('#samples0 img').naturalWidth") > 100)
    looks, image = b.value(PIXELS.format(1)), b.value(PIXELS.format(0))
    b.click("#looks0 .looks > figure > canvas", 0.2, 0.2)
    where = b.value("document.getElementById('where0').textContent")
    check("a click asks where a pixel looks", b.value(PIXELS.format(1)) != looks and
          b.value(PIXELS.format(0)) != image, where)
    b.value("document.querySelector('#looks0 .looks > figure > canvas').focus()")
    b.key("ArrowRight")
    moved = b.value("document.getElementById('where0').textContent")
    check("keys move the pixel", moved != where, moved)
    b.click("#looks0 .pick button:nth-child(2)")
    check("another image has other maps", b.value("document.querySelector('#looks0 .pick button:nth-child(2)')"
                                                  ".getAttribute('aria-pressed')") == "true")
    earlier = b.value(shown)
    b.open(b.value("location.href"))
    check("loaded again, all is where it was", b.value("document.getElementById('where0').textContent").startswith(
        moved.split(" of ")[0]) and b.value(shown) == earlier and b.value("document.getElementById('smooth').value") == "0.9")
    check("no error, nothing from the network", not b.troubles(), str(b.troubles()[:3]) if b.troubles() else "")
    if runs > 1:
        check("what differs is a table", b.value("document.querySelectorAll('#differs tr').length") > 1)


def save(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(base64.b64decode(data))
    print("    ", path)


def pictures(b, folder, name):
    height = b.value("document.documentElement.scrollHeight")
    b.call("Emulation.setDeviceMetricsOverride", width=1300, height=min(height, 12000), deviceScaleFactor=1, mobile=False)
    for scheme in ("light", "dark"):
        b.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        save(folder, f"{name}-{scheme}.png", b.call("Page.captureScreenshot")["data"])
    save(folder, f"{name}.pdf", b.call("Page.printToPDF", printBackground=False)["data"])


def main():
    program, folder, *pages = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        b = Browser(program, profile)
        b.attach()
        for i, page in enumerate(pages):
            print(page)
            try_page(b, "file://" + os.path.abspath(page))
            pictures(b, folder, f"page{i}")
        b.call("Browser.close")
        b.child.wait()
    sys.exit(1 if FAILED else 0)


main()
