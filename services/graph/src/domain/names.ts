import { MindoraError } from '@mindora/runtime';
import type { GraphNode } from '@mindora/stores';

const labels: Readonly<Record<GraphNode['label'], true>> = {
  AIUser: true,
  AISession: true,
  AIConversation: true,
  AIModel: true,
  AIAnalysis: true,
  Skill: true,
};

export interface NodeName {
  readonly label: GraphNode['label'];
  readonly key: string;
}

/** Takes `Label:key` apart; the key may hold colons itself. @throws MindoraError `invalid_request` */
export function parseNodeName(name: string, field: string): NodeName {
  const at = name.indexOf(':');
  const label = name.slice(0, Math.max(at, 0));
  const key = name.slice(at + 1);
  if (!isLabel(label) || key === '') {
    const detail = `${field} must be Label:key with one of ${Object.keys(labels).join(', ')}`;
    throw new MindoraError('invalid_request', detail, { data: { fields: [field] } });
  }
  return { label, key };
}

function isLabel(text: string): text is GraphNode['label'] {
  return Object.hasOwn(labels, text);
}
