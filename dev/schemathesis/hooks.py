"""What schemathesis does not know of the API by itself: which orders there are, and that addresses have budgets."""

import itertools
import json
import os
import random
import uuid

import schemathesis

# Pairs of an order and one of its shipments.
ORDERS = [pair.split(":") for pair in os.environ["ORDERS"].split(",")]
numbers = itertools.count(1)
# The version of the API that the document names as an example.
VERSIONS = []
LINES_MEDIA = "application/x-ndjson"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each case comes from an address of its own, so that no budget of wrong credentials stands before the answer."""
    n = next(numbers)
    case.headers["X-Forwarded-For"] = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
    if "Orderloom-Version" in case.headers:  # which versions there are, no schema tells
        case.headers["Orderloom-Version"] = VERSIONS[0]
    if case.media_type == LINES_MEDIA and not isinstance(case.body, str):
        case.headers["Content-Type"] = "application/json"  # what is no text is no lines


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """An id that could be an order's is that of a real one, every other time."""
    if not path_parameters or not is_uuid(path_parameters.get("order_id")) or random.random() < 0.5:
        return path_parameters
    order, shipment = random.choice(ORDERS)
    replaced = dict(path_parameters, order_id=order)
    if is_uuid(path_parameters.get("shipment_id")):
        replaced["shipment_id"] = shipment
    return replaced


@schemathesis.serializer(LINES_MEDIA)
def lines(context, value):
    """The document says that a body is text. Every other one is lines of JSON, of which some are what is imported."""
    text = value if isinstance(value, str) else json.dumps(value)
    if random.random() < 0.5:
        text = "\n".join(json.dumps(random.choice(LINES)) for _ in range(random.randint(1, 3)))
    return text.encode("utf-8", "surrogatepass")


# What stands on a line of an import: of stock, of orders, and nothing that is known.
LINES = [
    {"key": "row-1", "stock": {"sku": "ESP-250", "location": "berlin", "quantity": 1}},
    {"key": "row-2", "order": {"customer_id": "cust-1001", "currency": "EUR", "items": []}},
    {"key": "", "order": None},
    {},
    [1],
    "text",
]


def is_uuid(text):
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Patterns are written as Python has them, which knows no classes of characters by their properties."""
    VERSIONS.append(raw_schema["components"]["parameters"]["Version"]["example"])
    translate(raw_schema)


# The classes that the document uses, and what Python has for them.
CLASSES = {
    r"\P{Cc}": r"[^\x00-\x1f\x7f-\x9f]",
    r"\P{C}": r"[^\x00-\x1f\x7f-\x9f]",
    r"\p{Z}\p{C}\p{M}": r"\s\x00-\x1f\x7f-\x9f",
    r"\p{L}\p{M}\p{N}\p{P}\p{S}": r"!-~",
}


def translate(node):
    if isinstance(node, list):
        for element in node:
            translate(element)
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            for theirs, ours in CLASSES.items():
                node["pattern"] = node["pattern"].replace(theirs, ours)
        for value in node.values():
            translate(value)
