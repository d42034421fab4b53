"""An application with a page that talks to it in every way that pages do."""

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import HTMLResponse, StreamingResponse

app = FastAPI()

PAGE = """<!doctype html><title>Items</title><p id="posted"></p><p id="streamed"></p><p id="talked"></p>
<script>
    const show = (id, text) => { document.getElementById(id).textContent = text; };
    fetch('/items/7?q=a%20b', {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'Grüße' }),
    }).then((answer) => answer.json()).then((item) => show('posted', JSON.stringify(item)));
    const events = new EventSource('/events');
    events.onmessage = ({ data }) => { show('streamed', data); events.close(); };
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/talk`);
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => show('talked', data);
</script>"""


@app.get("/", response_class=HTMLResponse)
def page() -> str:
    return PAGE


@app.post("/items/{number}")
def item(number: int, q: str, body: dict[str, str]) -> dict[str, object]:
    return {"number": number, "q": q, "name": body["name"]}


@app.get("/events")
def events() -> StreamingResponse:
    return StreamingResponse(iter(["data: first\n\n"]), media_type="text/event-stream")


@app.get("/seen")
def seen(request: Request) -> dict[str, object]:
    """What of the preview the application gets to see."""
    return {"cookies": request.cookies, "headers": dict(request.headers)}


@app.websocket("/talk")
async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(f"you said {await socket.receive_text()}")
