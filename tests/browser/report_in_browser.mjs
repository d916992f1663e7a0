// Opens a report in a real browser: no error, no request, charts drawn, nothing wider than a phone, drawings on
// paper. usage: report_in_browser.mjs REPORT.html CHROMIUM
import {chromium} from 'playwright-core';
import {pathToFileURL} from 'node:url';

const [report, browserPath] = process.argv.slice(2);
const problems = [];
const expect = (condition, what) => { if (!condition) problems.push(what); };

const browser = await chromium.launch({executablePath: browserPath, args: ['--no-sandbox']});
for (const [name, width, height] of [['phone', 390, 800], ['desk', 1200, 900]]) {
  const page = await browser.newPage({viewport: {width, height}});
  page.on('console', (message) => { if (message.type() === 'error') problems.push(`${name}: ${message.text()}`); });
  page.on('pageerror', (error) => problems.push(`${name}: ${error}`));
  page.on('request', (request) => { if (!request.url().startsWith('file:')) problems.push(`${name}: asked for ${request.url()}`); });
  await page.goto(pathToFileURL(report).href);
  const seen = await page.evaluate(() => ({
    first: document.querySelector('main').innerText.slice(0, 400),
    charts: [...document.querySelectorAll('.live .chart svg')].length,
    tooWide: document.documentElement.scrollWidth - window.innerWidth,
  }));
  expect(/GO|RECONSIDER|FALLBACK/.test(seen.first), `${name}: the verdict does not come first`);
  expect(seen.charts >= 3, `${name}: expected 3 charts, found ${seen.charts}`);
  expect(seen.tooWide <= 0, `${name}: the page is ${seen.tooWide} px wider than the window`);
  await page.emulateMedia({media: 'print'});
  const printed = await page.evaluate(() => ({
    forest: document.querySelector('.forest').getBoundingClientRect().height,
    live: [...document.querySelectorAll('.chart')].filter((one) => one.getBoundingClientRect().height > 0).length,
  }));
  expect(printed.forest > 50 && printed.live === 0, `${name}: paper shows the wrong charts (${JSON.stringify(printed)})`);
  await page.close();
}
await browser.close();
for (const problem of problems) console.log(problem);
process.exit(problems.length > 0 ? 1 : 0);
