"""Webhooks: a message is verified before it is believed.

DAYTONA_API_URL=local python webhooks_async.py
"""

from __future__ import annotations

import asyncio

from daytona import AsyncDaytona, DaytonaAuthenticationError

# A message as a web framework hands it over, and the secret of the endpoint it was sent to.
BODY = '{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# This message is from 2021; without a tolerance those of the last five minutes are taken.
ANY_TIME = 0


# region: receive
async def receive(
    daytona: AsyncDaytona, body: str, headers: dict[str, str], secret: str, tolerance: float | None = None
) -> int:
    try:
        message = await daytona.verify_webhook(body, headers, secret, tolerance)
    except DaytonaAuthenticationError:
        return 401
    print(message.id, message.event, message.payload)
    return 204


# endregion


async def main() -> None:
    async with AsyncDaytona() as daytona:
        for tolerance in (ANY_TIME, None):
            print("--- receive", flush=True)
            print(await receive(daytona, BODY, HEADERS, SECRET, tolerance))


if __name__ == "__main__":
    asyncio.run(main())
