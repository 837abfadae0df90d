"""A small chat service behind aiguard: FastAPI, OpenAI's protocol, a stand-in for the model.

    uvicorn examples.fastapi_app:app
    POLICY=my-policy.toml uvicorn examples.fastapi_app:app

    curl localhost:8000/v1/chat/completions -H 'content-type: application/json' \\
         -d '{"model": "stand-in", "messages": [{"role": "user", "content": "Which card is on file?"}]}'
"""

import os
import time
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from aiguard import Gate, Policy
from aiguard.adapters.asgi import Guardrail

# Made up, and put together here so that nobody's scanner takes them for real.
CARD = "4111 1111 " + "1111 1111"
KEY = "AKIA" + "Z7XQ3M5N2KPL4RTB"
ANSWERS = {
    "card": f"The card on file is {CARD}, valid until the end of next year.",
    "key": f"The deployment uses {KEY}. Do not share it.",
    "mail": "You can write to Ann at ann@example.org, she answers within a day.",
    "hello": "Hello! Ask me about the card, the key, the mail, or anything else.",
}


class Message(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str | list[dict[str, Any]] | None = None


class Request(BaseModel):
    """A chat, and how to answer it."""

    model_config = ConfigDict(extra="allow")

    model: str = "stand-in"
    messages: list[Message] = Field(min_length=1)
    stream: bool = False


def answer(messages: list[Message]) -> str:
    """Say what the model would say: the first answer whose word was said, else what was said."""
    content = messages[-1].content or ""
    text = content if isinstance(content, str) else " ".join(str(part.get("text", "")) for part in content)
    return next((said for word, said in ANSWERS.items() if word in text.lower()), f"You said: {text}")


def completion(kind: str, choice: dict[str, Any], model: str) -> dict[str, Any]:
    """Return a completion, or a chunk of one."""
    head = {"id": "chatcmpl-1", "object": f"chat.completion{kind}", "created": int(time.time()), "model": model}
    return head | {"choices": [{"index": 0, "finish_reason": None} | choice]}


def chunks(text: str, model: str) -> Iterator[bytes]:
    """Stream an answer, a few characters at a time."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text[at : at + 4]} for at in range(0, len(text), 4)]
    for delta in deltas:
        yield b"data: " + JSONResponse(completion(".chunk", {"delta": delta}, model)).body + b"\n\n"
    last = completion(".chunk", {"delta": {}, "finish_reason": "stop"}, model)
    yield b"data: " + JSONResponse(last).body + b"\n\ndata: [DONE]\n\n"


app = FastAPI(title="A guarded chat")
# The pages of the documentation hold scripts, which the policy would block in an answer.
app.add_middleware(
    Guardrail,
    gate=Gate(Policy.load(os.environ["POLICY"]) if "POLICY" in os.environ else "standard"),
    exempt=("/health", "/docs", "/redoc", "/openapi.json"),
)


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that the service runs."""
    return {"status": "ok"}


@app.post("/v1/chat/completions")
def chat(request: Request) -> Response:
    """Answer a chat."""
    text = answer(request.messages)
    if request.stream:
        return StreamingResponse(chunks(text, request.model), media_type="text/event-stream")
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return JSONResponse(completion("", choice, request.model))
