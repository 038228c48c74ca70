/** The page that describes the API, in a real browser: it lists, authorises, runs an operation, and loads nothing. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '@mindora/contracts/routes';
import { type Browser, chromium, type Page } from 'playwright-core';
import { startWorld, type World } from '../support/api.ts';
import { browserFlags, findBrowser } from '../support/browser.ts';

const { executablePath, leftOut } = findBrowser();

if (leftOut === null) {
  describe('the page of the API', () => {
    let world: World;
    let browser: Browser;
    let page: Page;
    const complaints: string[] = [];
    const requested: string[] = [];

    beforeAll(async () => {
      if (executablePath === null) throw new Error('tests of pages need Chromium: apt-get install chromium');
      world = await startWorld({});
      browser = await chromium.launch({ executablePath, args: browserFlags });
      page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => requested.push(request.url()));
      await page.goto(`${world.version.url}/docs`);
      await page.getByText('One write API').waitFor();
    });

    afterAll(async () => {
      await browser?.close();
      await world?.close();
    });

    test('lists every operation under its tag', async () => {
      const tags = [...new Set(routes.map(({ tag }) => tag))];
      const listed: string[] = [];
      // One after the other, as a person would: a page with all of them open is slow.
      for (const tag of tags) {
        const section = page.locator('.opblock-tag-section', { has: page.locator(`[data-tag="${tag}"]`) });
        const heading = section.locator('.opblock-tag');
        await heading.click();
        await section.locator('.opblock').first().waitFor();
        const paths = await section.locator('.opblock-summary-path').evaluateAll((found) => {
          return found.map((path) => (path as unknown as { dataset: { path: string } }).dataset.path);
        });
        listed.push(...paths);
        await heading.click();
        await section.locator('.opblock').first().waitFor({ state: 'detached' });
      }
      expect(listed).toEqual(expect.arrayContaining(routes.map(({ path }) => path)));
    });

    test('authorises with the key and runs an operation', async () => {
      await page.getByRole('button', { name: 'Authorize' }).first().click();
      await page.locator('.auth-container input').first().fill(world.version.adminKey);
      await page.locator('.auth-btn-wrapper .authorize').first().click();
      await page.locator('.btn-done').first().click();
      await page.locator('[data-tag="identity"]').click();
      const operation = page.locator('.opblock', { has: page.locator('[data-path="/api/v1/auth/me"]') });
      await operation.locator('.opblock-summary').click();
      await operation.getByRole('button', { name: 'Execute' }).click();
      const answer = operation.locator('.live-responses-table .response-col_description');
      await answer.getByText('"admin_001"').waitFor();
      const status = operation.locator('.live-responses-table .response-col_status').last();
      expect(await status.textContent()).toContain('200');
    });

    test('loads nothing from elsewhere and has nothing to complain of', () => {
      expect(requested.filter((url) => !url.startsWith(world.version.url) && !url.startsWith('data:'))).toEqual([]);
      expect(complaints).toEqual([]);
    });
  });
} else {
  test.todo(`the page of the API: ${leftOut}`);
}
