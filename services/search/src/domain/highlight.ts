const replacements: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * An excerpt as safe HTML: what stands between the store's marks (U+E000, U+E001) is emphasised. Content may hold
 * such characters itself, so only pairs become tags, and single ones go.
 */
export function highlightHtml(excerpt: string): string {
  return excerpt
    .replace(/[&<>"']/g, (character) => replacements[character] ?? '')
    .replace(/\uE000([^\uE000\uE001]*)\uE001/g, '<em>$1</em>')
    .replace(/[\uE000\uE001]/g, '');
}
