import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { monitorName } from '../monitor-names.ts';

/** Pings monitors once each, evenly over `seconds`, and returns each one's deadline (Unix ms) by name. */
export async function pingOnceEach(options: {
  url: string;
  names: { from: number; count: number };
  frequency: string;
  seconds: number;
}): Promise<Map<string, number>> {
  const { url, names, frequency, seconds } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const deadlines = new Map<string, number>();
  const begunMs = performance.now();
  const calls: Promise<void>[] = [];
  for (let index = 0; index < names.count; index++) {
    const untilMs = begunMs + (index * seconds * 1000) / names.count - performance.now();
    if (untilMs > 0) await sleep(untilMs);
    const name = monitorName(names.from + index);
    const call = getJson(`${url}/ping?name=${name}&frequency=${frequency}`, agent).then((answer) => {
      deadlines.set(name, Date.parse(answer.deadline));
    });
    // A failure is thrown below, where all are awaited.
    call.catch(() => {});
    calls.push(call);
  }
  await Promise.all(calls);
  agent.destroy();
  return deadlines;
}

function getJson(url: string, agent: Agent): Promise<{ deadline: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`GET /ping: ${response.statusCode} ${body}`));
      });
    }).on('error', reject);
  });
}
