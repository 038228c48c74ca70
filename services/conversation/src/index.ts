export { type ConversationDependencies, createConversationService } from './conversation.service.ts';
