import { hello } from '../hello.mjs';

export const dynamic = 'force-dynamic';

export async function GET() {
  return new Response(await hello());
}
