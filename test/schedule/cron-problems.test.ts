import fc from 'fast-check';
import t from 'tap';
import { CronOccurrences } from '../../server/schedule/cron-occurrences.ts';

const cron = new CronOccurrences();

t.test('valid expressions', async (t) => {
  const valid = [
    ...['* * * * *', '0 0 1 1 0', '59 23 31 12 7', '*/5 * * * *', '0-30/10 9-17 * * MON-FRI', '5/20 * * * *'],
    ...[
      '0 0 * jan,Feb,MAR sun',
      '0 0 1-7,15,20-31/2 */2 *',
      '0 */24 * * *',
      '*/60 * * * *',
      '0 0 29 2 *',
      '007 1 * * *',
    ],
    ...[
      '0 0 L * *',
      '0 0 1,l * *',
      '0 0 lw * *',
      '0 0 * * 5L',
      '0 0 * * friL',
      '0 0 * * MON#1,WED#5',
      '0 0 * * FRI-SUN',
    ],
    ...['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually', '@DAILY'],
    ...['  0 0 * * *  ', '0\t0\t*  *\t*', '0 0 31 2 MON'],
  ];
  for (const expression of valid) t.equal(cron.expressionProblem(expression), null, JSON.stringify(expression));
});

t.test('refused expressions, and what the message is about', async (t) => {
  const whole = /^must be five fields \(.*@yearly/;
  const cases: [string, RegExp][] = [
    ...['', ' ', '* * * *', 'daily', '@often', '0 0 * * *\n* * * * *', '0,15 , * * * *'].map(
      (expression): [string, RegExp] => [expression, whole],
    ),
    ['* * * * * *', /no field for seconds or years$/],
    ['0 0 0 1 1 ? 2026', /no field for seconds or years$/],
    ['@reboot', /@reboot has no time/],
    ['60 * * * *', /^must have as its minute numbers from 0 to 59, .*; "60" is none of them$/],
    ['-1 * * * *', /minute .*"-1"/],
    ['1.5 * * * *', /minute .*"1.5"/],
    ['1,,2 * * * *', /minute .*""/],
    ['*/0 * * * *', /minute .*"\*\/0"/],
    ['*/61 * * * *', /minute .*steps from 1 to 60.*"\*\/61"/],
    ['*/ * * * *', /minute .*"\*\/"/],
    ['*/2/3 * * * *', /minute .*"\*\/2\/3"/],
    ['30-10 * * * *', /minute .*from small to large.*"30-10"/],
    ['1-2-3 * * * *', /minute .*"1-2-3"/],
    ['*-5 * * * *', /minute .*"\*-5"/],
    ['H * * * *', /minute .*"H"/],
    ['0 24 * * *', /hour numbers from 0 to 23.*"24"/],
    ['0 0 0 * *', /day of month numbers from 1 to 31.*L or LW.*"0"/],
    ['0 0 15W * *', /day of month .*"15W"/],
    ['0 0 L-3 * *', /day of month .*"L-3"/],
    ['0 0 ? * *', /day of month .*"\?"/],
    ['0 0 * 13 *', /month numbers from 1 to 12 or JAN to DEC.*"13"/],
    ['0 0 * MAY-JAN *', /month .*"MAY-JAN"/],
    ['0 0 * January *', /month .*"January"/],
    ['0 0 * * 8', /day of week numbers from 0 to 7 or SUN to SAT.*FRI#2 or FRIL.*"8"/],
    ['0 0 * * FRI-MON', /day of week .*"FRI-MON"/],
    ['0 0 * * FRI#6', /day of week .*"FRI#6"/],
    ['0 0 * * MON-FRI#2', /day of week .*"MON-FRI#2"/],
    ['0 0 * * L', /day of week .*"L"/],
    ['٣ * * * *', /minute .*"٣"/],
    ['0 0 30 2 *', /^must name a day that exists/],
    ['0 0 31 2,4,6,9,11 *', /^must name a day that exists/],
    ['0 0 */30 2 MON#5', /^must name a day that exists/],
    [`${'0,'.repeat(130)}0 * * * *`, /^must be at most 256 bytes$/],
  ];
  for (const [expression, problem] of cases) {
    t.match(cron.expressionProblem(expression) ?? 'nothing', problem, JSON.stringify(expression));
  }
});

t.test('time zones', async (t) => {
  const valid = [
    'UTC',
    'Europe/Berlin',
    'europe/berlin',
    'America/Argentina/ComodRivadavia',
    'Asia/Calcutta',
    'Etc/GMT-2',
  ];
  for (const zone of [...valid, 'CET', 'EST5EDT', 'Cuba', 'GB']) t.equal(cron.timeZoneProblem(zone), null, zone);
  const refused = ['', ' UTC', 'Europe/Atlantis', 'local', 'UTC+2', 'Europe/Berlin\0', 'Etc/Unknown', 'SystemV/PST8'];
  for (const zone of [...refused, 'IST', 'BST', 'pst', 'é']) {
    t.match(cron.timeZoneProblem(zone), /^must be the IANA name of a time zone, such as/, JSON.stringify(zone));
  }
  t.match(cron.timeZoneProblem('+02:00'), /a fixed offset is written as Etc\/GMT-2/);
  t.match(cron.timeZoneProblem('x'.repeat(65)), /at most 64 bytes$/);
});

t.test('garbage is a problem or a schedule, and never throws', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '*',
      '*/',
      '-',
      ',',
      '/',
      '#',
      'L',
      'W',
      'LW',
      'MON',
      'jan',
      '?',
      '@',
      '+',
      ' ',
      '\t',
      '\n',
      '7',
      '60',
    ),
    fc.integer({ min: -1, max: 100 }).map(String),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const field = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
  const fields = fc.array(field, { minLength: 4, maxLength: 6 }).map((texts) => texts.join(' '));
  fc.assert(
    fc.property(
      fc.oneof(fields, fc.string({ unit: 'binary', maxLength: 300 })),
      fc.string(),
      (expression, timeZone) => {
        const problem = cron.expressionProblem(expression);
        const zoneProblem = cron.timeZoneProblem(timeZone);
        const says = (text: string | null) => text === null || (/^must /.test(text) && text.isWellFormed());
        if (!says(problem) || !says(zoneProblem)) return false;
        return problem !== null || cron.next({ expression, timeZone: 'Australia/Lord_Howe' }, 0) !== null;
      },
    ),
    { numRuns: 3000 },
  );
});
