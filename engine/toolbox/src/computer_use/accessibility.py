"""What the programs on the desktop show, asked over AT-SPI.

A line of JSON in, a line of JSON out: `{"op": …, …}`, and `{"ok": …}` or `{"error": {"code", "message"}}`. Nodes keep their ids as
long as this process runs and their programs show them.
"""

import json
import re
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

# The most nodes in an answer.
MAX_NODES = 5000
# The most characters of a name or a description, and of all of them in an answer.
MAX_TEXT = 1000
MAX_TEXTS = 4_000_000
# The most nodes that keep their ids.
MAX_KNOWN = 50_000
# Seconds after which an answer is what has been seen until then.
LIMIT = 15.0
# The deepest tree that an answer can hold.
MAX_DEPTH = 100
# The most nodes among which the one with the focus is looked for.
MAX_SEARCHED = 500
# Seconds that programs have to say what they show once they are asked to.
PATIENCE = 3.0

nodes = {}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def enable():
    """Chromium and its kin say nothing before somebody reads the screen."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for name in ("IsEnabled", "ScreenReaderEnabled"):
        value = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        bus.call_sync(
            "org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", value, None, 0, 5000, None
        )


def quietly(ask, otherwise):
    """What a program says; programs end and hang as they like."""
    try:
        return ask()
    except GLib.Error:
        return otherwise


def identify(node):
    key = f"{node.app.bus_name}{node.path}" if getattr(node, "app", None) else f"node-{hash(node)}"
    # The last one again: those that were not asked about for longest are forgotten.
    nodes.pop(key, None)
    nodes[key] = node
    if len(nodes) > MAX_KNOWN:
        del nodes[next(iter(nodes))]
    return key


def text_of(ask):
    """What a program says in words, as much of it as anybody reads."""
    return (quietly(ask, "") or "")[:MAX_TEXT]


def states_of(node):
    found = quietly(lambda: node.get_state_set().get_states(), [])
    return sorted(state.value_nick for state in found)


def actions_of(node):
    action = quietly(node.get_action_iface, None)
    if action is None:
        return []
    count = quietly(action.get_n_actions, 0)
    return [text_of(lambda i=i: action.get_action_name(i)) for i in range(min(count, 50))]


def describe(node):
    told = {
        "id": identify(node),
        "role": text_of(node.get_role_name),
        "name": text_of(node.get_name),
        "states": states_of(node),
        "actions": actions_of(node),
    }
    description = text_of(node.get_description)
    if description:
        told["description"] = description
    component = quietly(node.get_component_iface, None)
    if component is not None:
        area = quietly(lambda: component.get_extents(Atspi.CoordType.SCREEN), None)
        if area is not None:
            told["bounds"] = {"x": area.x, "y": area.y, "width": area.width, "height": area.height}
    return told


def children_of(node):
    # A program may claim any number, and is asked for each of them.
    for index in range(min(quietly(node.get_child_count, 0), MAX_NODES)):
        child = quietly(lambda i=index: node.get_child_at_index(i), None)
        if child is not None:
            yield child


def programs():
    return list(children_of(Atspi.get_desktop(0)))


def root_of(scope, pid):
    if scope == "all":
        return Atspi.get_desktop(0)
    if scope == "pid":
        for program in programs():
            if quietly(program.get_process_id, 0) == pid:
                return program
        raise Refused("A11Y_NO_ACCESSIBLE_ROOT", f"no program with the process id {pid} shows anything")
    for program in programs():
        for window in children_of(program):
            if "active" in states_of(window):
                return program
    raise Refused("A11Y_NO_ACCESSIBLE_ROOT", "no program has the focus; the scope all looks at every one")


def patient_root(request):
    """The root, once it shows something: a program that has just been started may take a moment."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            root = root_of(request.get("scope") or "focused", request.get("pid"))
            if quietly(root.get_child_count, 0) > 0 or time.monotonic() > deadline:
                return root
        except Refused:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


class Budget:
    """How much an answer may still take."""

    def __init__(self):
        self.nodes, self.texts = MAX_NODES, MAX_TEXTS
        self.deadline = time.monotonic() + LIMIT
        self.truncated = False

    def take(self, told):
        self.nodes -= 1
        self.texts -= len(told["name"]) + len(told.get("description", "")) + sum(map(len, told["actions"]))

    def is_spent(self):
        return self.nodes <= 0 or self.texts <= 0 or time.monotonic() > self.deadline


def tree(request):
    depth = request.get("maxDepth", -1)
    budget = Budget()

    def build(node, level):
        told = describe(node)
        budget.take(told)
        if depth >= 0 and level >= depth:
            return told
        inside = []
        for child in children_of(node):
            if level >= MAX_DEPTH or budget.is_spent():
                budget.truncated = True
                break
            inside.append(build(child, level + 1))
        told["children"] = inside
        return told

    root = build(patient_root(request), 0)
    return {"root": root, "truncated": budget.truncated}


def matcher(request):
    name, kind = request.get("name"), request.get("nameMatch") or "substring"
    role, states = request.get("role"), set(request.get("states") or [])
    if kind not in ("exact", "substring", "regex"):
        raise Refused("A11Y_INVALID_REQUEST", f"nameMatch is {kind!r}; it must be exact, substring or regex")
    try:
        pattern = re.compile(name) if name is not None and kind == "regex" else None
    except re.error as error:
        raise Refused("A11Y_INVALID_REQUEST", f"{name!r} is not a regular expression: {error}") from None

    def matches(node):
        if role and (quietly(node.get_role_name, "") or "").lower() != role.lower():
            return False
        if name is not None:
            own = quietly(node.get_name, "") or ""
            if kind == "exact" and own != name:
                return False
            if kind == "substring" and name.lower() not in own.lower():
                return False
            if pattern is not None and not pattern.search(own):
                return False
        return not states or states <= set(states_of(node))

    return matches


def find(request):
    matches, limit = matcher(request), request.get("limit") or 100
    deadline = time.monotonic() + PATIENCE
    budget = Budget()
    while True:
        found, seen, truncated = [], 0, False
        pending = [patient_root(request)]
        while pending:
            node = pending.pop()
            seen += 1
            if seen > MAX_NODES or len(found) >= limit or budget.is_spent():
                truncated = True
                break
            if matches(node):
                found.append(describe(node))
                budget.take(found[-1])
            pending.extend(reversed(list(children_of(node))))
        if found or time.monotonic() > deadline:
            return {"matches": found, "truncated": truncated}
        time.sleep(0.1)


def known(request):
    node = nodes.get(request.get("id"))
    if node is None or "defunct" in states_of(node) or quietly(node.get_role_name, None) is None:
        raise Refused("A11Y_NODE_NOT_FOUND", f"there is no node {request.get('id')!r}, or not any more")
    return node


def focus(request):
    component = quietly(known(request).get_component_iface, None)
    if component is None or not quietly(component.grab_focus, False):
        raise Refused("A11Y_ACTION_NOT_SUPPORTED", "the node takes no focus")
    return {}


def invoke(request):
    node = known(request)
    names = actions_of(node)
    wanted = request.get("action") or (names[0] if names else "")
    if wanted not in names:
        has = ", ".join(names) if names else "none"
        raise Refused("A11Y_ACTION_NOT_SUPPORTED", f"the node has no action {wanted!r}; it has: {has}")
    if not quietly(lambda: node.get_action_iface().do_action(names.index(wanted)), False):
        raise Refused("A11Y_ACTION_NOT_SUPPORTED", f"the program did not carry out {wanted!r}")
    return {}


def until(is_so):
    """Whether it becomes so while a program works on it."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def set_value(request):
    node, value = known(request), request.get("value")
    editable = quietly(node.get_editable_text_iface, None)
    if editable is not None:
        quietly(lambda: editable.set_text_contents(value), False)
        text = node.get_text_iface()
        # Programs say that they did what they did not.
        if not until(lambda: quietly(lambda: Atspi.Text.get_text(text, 0, -1), None) == value):
            raise Refused("A11Y_ACTION_NOT_SUPPORTED", "the program did not take the text")
        return {}
    number = quietly(node.get_value_iface, None)
    if number is None:
        raise Refused("A11Y_ACTION_NOT_SUPPORTED", "the node has no value that can be set")
    try:
        wanted = float(value)
    except ValueError:
        raise Refused("A11Y_INVALID_REQUEST", f"{value!r} is not a number, which the node takes") from None
    quietly(lambda: number.set_current_value(wanted), False)
    if not until(lambda: abs(quietly(number.get_current_value, wanted + 1) - wanted) < 1e-6):
        raise Refused("A11Y_ACTION_NOT_SUPPORTED", "the program did not take the number")
    return {}


def told(node):
    return {"node": None if node is None else describe(node)}


def described(request):
    return told(known(request))


def windows():
    """Windows of all programs, the active one first."""
    found = [window for program in programs() for window in children_of(program)]
    return sorted(found, key=lambda window: "active" not in states_of(window))


def at(request):
    """The innermost node at a place of the screen. Null where nobody tells; nobody is waited for."""
    place = (request["x"], request["y"], Atspi.CoordType.SCREEN)
    for window in windows():
        component = quietly(window.get_component_iface, None)
        if component is None or not quietly(lambda c=component: c.contains(*place), False):
            continue
        node = window
        for _ in range(MAX_DEPTH):
            child = quietly(lambda c=component: c.get_accessible_at_point(*place), None)
            component = None if child is None or child == node else quietly(child.get_component_iface, None)
            if component is None:
                break
            node = child
        return told(node)
    return told(None)


def focused(request):
    """The node with the keyboard's focus. Null where nobody tells; nobody is waited for."""
    pending, seen = [window for window in windows() if "active" in states_of(window)], 0
    while pending and seen < MAX_SEARCHED:
        node = pending.pop()
        seen += 1
        states = states_of(node)
        if "focused" in states:
            return told(node)
        if "showing" in states:
            pending.extend(reversed(list(children_of(node))))
    return told(None)


OPERATIONS = {
    "at": at,
    "describe": described,
    "find": find,
    "focus": focus,
    "focused": focused,
    "invoke": invoke,
    "tree": tree,
    "value": set_value,
}


def answer(request):
    try:
        return {"ok": OPERATIONS[request["op"]](request)}
    except Refused as refusal:
        return {"error": {"code": refusal.code, "message": str(refusal)}}
    except Exception as error:
        return {"error": {"code": "A11Y_INTERNAL", "message": f"{type(error).__name__}: {error}"}}


def main():
    enable()
    Atspi.init()
    # Milliseconds for an answer, and for a program that is just starting.
    Atspi.set_timeout(1500, 5000)
    print(json.dumps({"ok": {}}), flush=True)
    for line in sys.stdin:
        # What programs have said of themselves meanwhile.
        while GLib.MainContext.default().iteration(False):
            pass
        print(json.dumps(answer(json.loads(line))), flush=True)


main()
