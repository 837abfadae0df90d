"""A small chat service behind aiguard: Flask, OpenAI's protocol, a stand-in for the model.

    flask --app examples.flask_app run
    POLICY=my-policy.toml flask --app examples.flask_app run

    curl localhost:5000/v1/chat/completions -H 'content-type: application/json' \\
         -d '{"model": "stand-in", "messages": [{"role": "user", "content": "Which card is on file?"}]}'
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, jsonify, request

from aiguard import Gate, Policy
from aiguard.adapters.wsgi import GuardrailWSGI

# Made up, and put together here so that nobody's scanner takes them for real.
CARD = "4111 1111 " + "1111 1111"
KEY = "AKIA" + "Z7XQ3M5N2KPL4RTB"
ANSWERS = {
    "card": f"The card on file is {CARD}, valid until the end of next year.",
    "key": f"The deployment uses {KEY}. Do not share it.",
    "mail": "You can write to Ann at ann@example.org, she answers within a day.",
    "hello": "Hello! Ask me about the card, the key, the mail, or anything else.",
}


def answer(messages: list[dict[str, Any]]) -> str:
    """Say what the model would say: the first answer whose word was said, else what was said."""
    content = messages[-1].get("content") or ""
    text = content if isinstance(content, str) else " ".join(str(part.get("text", "")) for part in content)
    return next((said for word, said in ANSWERS.items() if word in text.lower()), f"You said: {text}")


def completion(kind: str, choice: dict[str, Any], model: str) -> dict[str, Any]:
    """Return a completion, or a chunk of one."""
    head = {"id": "chatcmpl-1", "object": f"chat.completion{kind}", "created": int(time.time()), "model": model}
    return head | {"choices": [{"index": 0, "finish_reason": None} | choice]}


def chunks(text: str, model: str) -> Iterator[str]:
    """Stream an answer, a few characters at a time."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at : at + 4]} for at in range(0, len(text), 4)]
    for delta in deltas:
        yield f"data: {json.dumps(completion('.chunk', {'delta': delta}, model))}\n\n"
    last = completion(".chunk", {"delta": {}, "finish_reason": "stop"}, model)
    yield f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n"


app = Flask(__name__)
gate = Gate(Policy.load(os.environ["POLICY"]) if "POLICY" in os.environ else "standard")
app.wsgi_app = GuardrailWSGI(app.wsgi_app, gate, exempt=["/health"])  # type: ignore[method-assign]  # Flask's own way


@app.get("/health")
def health() -> Response:
    """Tell that the service runs."""
    return jsonify(status="ok")


@app.post("/v1/chat/completions")
def chat() -> Response | tuple[Response, int]:
    """Answer a chat."""
    body = request.get_json()
    if not isinstance(body, dict) or not body.get("messages"):
        return jsonify(error={"message": "expected messages", "type": "invalid_request_error", "code": None}), 400
    model, text = str(body.get("model", "stand-in")), answer(body["messages"])
    if body.get("stream"):
        return Response(chunks(text, model), mimetype="text/event-stream")
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return jsonify(completion("", choice, model))
