import { type Html, html } from './html.ts';

/** How to ping this very server: with curl, and with the SDK. */
export function howToPing({ baseUrl, tokenRequired }: { baseUrl: string; tokenRequired: boolean }): Html {
  const token = tokenRequired ? ' \\\n  -H "authorization: Bearer $TOCSIN_TOKEN"' : '';
  const curl = [
    '# a daily job; it may be an hour late before the alarm rings',
    `curl "${baseUrl}/ping?name=backup&frequency=1D&grace=1h"${token}`,
    '',
    '# it failed: rings at once',
    `curl ${baseUrl}/ping \\\n  -d name=backup -d frequency=1D -d grace=1h \\\n  -d status=fail -d message="disk full"${token}`,
    '',
    '# it is gone for good',
    `curl -X DELETE "${baseUrl}/ping?name=backup"${token}`,
  ].join('\n');
  const sdk = [
    `// TOCSIN_URL=${baseUrl}${tokenRequired ? ' TOCSIN_TOKEN=…' : ''} node job.mjs`,
    `import { withHeartbeat } from '@tocsin/sdk';`,
    `const backup = withHeartbeat('backup', '1D', async () => {`,
    '  await copyTheDatabase();',
    '});',
    'await backup().catch((error) => {',
    '  console.error(error);',
    '  process.exitCode = 1;',
    '});',
  ].join('\n');
  return html`<section class="how">
<div><h3>With curl</h3>
<pre tabindex="0"><code>${curl}</code></pre></div>
<div><h3>With the TypeScript SDK</h3>
<pre tabindex="0"><code>${sdk}</code></pre>
<p class="soft">The <code>catch</code> matters: without it a rejection ends the process before the <code>fail</code> is sent.</p></div>
</section>
<p>A frequency is a whole number and one of <code>W</code> <code>D</code> <code>h</code> <code>m</code> <code>s</code>.
gRPC and Connect answer on the same port; <code>GET /monitors</code> has what this page shows as JSON.</p>`;
}
