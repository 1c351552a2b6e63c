import t from 'tap';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryDirectory } from '../support/running-server.ts';

// The page of one monitor, as a browser gets it from the whole app.

const token = 'a-token-of-32-characters-exactly';
const minuteMs = 60_000;

t.test('GET /view shows the state and the past of a monitor', async (t) => {
  const clock = new FakeClock();
  const app = await startAppOnFakeClock(clock, { TOCSIN_DATA_DIR: await temporaryDirectory(t), TOCSIN_TOKEN: token });
  t.teardown(() => app.stop());
  const basic = `Basic ${Buffer.from(`anybody:${token}`).toString('base64')}`;
  const ping = (query: string) => fetch(`${app.url}/ping?${query}`, { headers: { authorization: `Bearer ${token}` } });
  const view = async (name: string, authorization = basic) => {
    const response = await fetch(`${app.url}/view?name=${encodeURIComponent(name)}`, { headers: { authorization } });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const name = 'a/b "ü" & <c>';
  const named = `name=${encodeURIComponent(name)}&frequency=10m`;
  await ping(named);
  await ping(`${named}&status=start&run=r-1`);
  await clock.advance(2 * minuteMs);
  await ping(`${named}&run=r-1`);
  await ping(`${named}&status=fail&message=disk+full&exit_code=3`);
  await clock.advance(minuteMs);

  const page = await view(name);
  t.equal(page.status, 200);
  t.match(page.headers.get('content-security-policy'), /default-src 'none'/);
  t.match(page.text, 'a/b &#34;ü&#34; &#38; &#60;c&#62;');
  t.match(page.text, /<span class="status down">down<\/span>/);
  t.match(page.text, 'Down since 2026-01-01 00:02:00 UTC: a beat reported failure with exit code 3: disk full.');
  t.match(page.text, '66.66 %</strong> up in 7 days', 'one of three minutes was down');
  t.match(page.text, '2026-01-01: 66.66 % up, down for 60 s, 4 beats, 1 failed');
  t.match(page.text, '>2 min<', 'the run took from its start to its end');

  t.equal((await view('nobody')).status, 404);
  t.equal((await fetch(`${app.url}/view`, { headers: { authorization: basic } })).status, 404);
  const refused = await view(name, 'Basic bm86');
  t.equal(refused.status, 401);
  t.notMatch(refused.text, 'disk full');
});
