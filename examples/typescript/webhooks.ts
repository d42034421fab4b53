// Webhooks: a message is verified before it is believed.
//
//   DAYTONA_API_URL=local npx tsx webhooks.ts

import { Daytona, DaytonaAuthenticationError } from '@daytonaio/sdk';

// A message as a web framework hands it over, and the secret of the endpoint it was sent to.
const body = '{"test": 2432232314}';
const headers = {
  'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp': '1614265330',
  'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
// This message is from 2021; without a tolerance those of the last five minutes are taken.
const anyTime = 0;

// region: receive
async function receive(tolerance?: number): Promise<number> {
  try {
    const { id, event, payload } = await daytona.verifyWebhook(body, headers, secret, { tolerance });
    console.log(id, event, payload);
    return 204;
  } catch (error) {
    if (error instanceof DaytonaAuthenticationError) return 401;
    throw error;
  }
}
// endregion

await using daytona = new Daytona();
console.log('--- receive');
console.log(await receive(anyTime));
console.log(await receive());
