import { longFrequency } from '../load/http1-requests.ts';
import { monitorName } from '../monitor-names.ts';

/** The JSON that a server answers to the ping that the load generator sends. */
export async function restAnswer(url: string): Promise<string> {
  const response = await fetch(`${url}/ping?name=${monitorName(0)}&frequency=${longFrequency}`);
  if (!response.ok) throw new Error(`GET /ping: ${response.status} ${await response.text()}`);
  return await response.text();
}
