import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = [
  'CREATE TABLE "users" ("user_id" varchar(50) PRIMARY KEY NOT NULL, "username" varchar(100) NOT NULL, "email" varchar(255) NOT NULL, "password_hash" varchar(255), "role" varchar(5) NOT NULL DEFAULT (\'user\'), "status" varchar(9) NOT NULL DEFAULT (\'active\'), "last_login" varchar(27), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_users_email" UNIQUE ("email"), CONSTRAINT "ck_users_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'), CONSTRAINT "ck_users_role_292fa5bf" CHECK ("role" IN (\'admin\', \'user\', \'guest\')), CONSTRAINT "ck_users_status_5c96fe35" CHECK ("status" IN (\'active\', \'inactive\', \'suspended\')))',
  'CREATE INDEX "ix_users_username" ON "users" ("username")',
  'CREATE INDEX "ix_users_status" ON "users" ("status")',
  'CREATE INDEX "ix_users_created_at" ON "users" ("created_at")',
  'CREATE TABLE "system_configs" ("config_key" varchar(100) PRIMARY KEY NOT NULL, "config_value" text, "config_type" varchar(7) NOT NULL DEFAULT (\'string\'), "description" text, "is_active" boolean NOT NULL DEFAULT (1), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_system_configs_config_key_49a083f7" CHECK (typeof("config_key") = \'text\'), CONSTRAINT "ck_system_configs_config_type_44def3ae" CHECK ("config_type" IN (\'string\', \'number\', \'boolean\', \'json\')), CONSTRAINT "ck_system_configs_is_active_1d0ec3f5" CHECK ("is_active" IN (0, 1)))',
  'CREATE INDEX "ix_system_configs_is_active" ON "system_configs" ("is_active")',
  'CREATE TABLE "permissions" ("permission_code" varchar(50) PRIMARY KEY NOT NULL, "permission_name" varchar(100) NOT NULL, "description" text, "resource_type" varchar(50), "action" varchar(50), "is_active" boolean NOT NULL DEFAULT (1), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_permissions_permission_name" UNIQUE ("permission_name"), CONSTRAINT "ck_permissions_permission_code_1523cc7d" CHECK (typeof("permission_code") = \'text\'), CONSTRAINT "ck_permissions_is_active_1d0ec3f5" CHECK ("is_active" IN (0, 1)))',
  'CREATE INDEX "ix_permissions_resource_type" ON "permissions" ("resource_type") WHERE "resource_type" IS NOT NULL',
  'CREATE INDEX "ix_permissions_is_active" ON "permissions" ("is_active")',
  'CREATE TABLE "role_permissions" ("id" varchar(100) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "role_name" varchar(5) NOT NULL, "permission_code" varchar(50) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_role_permissions_role_name_permission_code" UNIQUE ("role_name", "permission_code"), CONSTRAINT "ck_role_permissions_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_role_permissions_role_name_f346e0dd" CHECK ("role_name" IN (\'admin\', \'user\', \'guest\')))',
  'CREATE INDEX "ix_role_permissions_permission_code" ON "role_permissions" ("permission_code")',
  'CREATE TABLE "financial_records" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "transaction_type" varchar(8) NOT NULL, "amount" varchar(17) NOT NULL, "currency" varchar(10) NOT NULL DEFAULT (\'CNY\'), "description" text, "category" varchar(100), "transaction_date" varchar(10) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_financial_records_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_financial_records_transaction_type_a984b807" CHECK ("transaction_type" IN (\'income\', \'expense\', \'transfer\')), CONSTRAINT "ck_financial_records_amount_c18fa050" CHECK ("amount" NOT GLOB \'*[^-.0-9]*\' AND "amount" GLOB \'*[0-9]*\' AND "amount" NOT GLOB \'*.*.*\' AND "amount" NOT GLOB \'?*-*\' AND "amount" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_financial_records_user_id_transaction_date" ON "financial_records" ("user_id", "transaction_date")',
  'CREATE INDEX "ix_financial_records_transaction_type" ON "financial_records" ("transaction_type")',
  'CREATE INDEX "ix_financial_records_created_at" ON "financial_records" ("created_at")',
  'CREATE TABLE "ai_service_configs" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "service_name" varchar(100) NOT NULL, "service_type" varchar(11) NOT NULL, "api_endpoint" varchar(500), "api_key_encrypted" text, "model_name" varchar(100), "max_tokens" integer NOT NULL DEFAULT (1000), "temperature" varchar(5) NOT NULL DEFAULT (\'0.70\'), "is_active" boolean NOT NULL DEFAULT (1), "cost_per_token" varchar(12) NOT NULL DEFAULT (\'0.000001\'), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_ai_service_configs_service_name" UNIQUE ("service_name"), CONSTRAINT "ck_ai_service_configs_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_ai_service_configs_service_type_35d53694" CHECK ("service_type" IN (\'chat\', \'analysis\', \'generation\', \'translation\')), CONSTRAINT "ck_ai_service_configs_temperature_916cbbbc" CHECK ("temperature" NOT GLOB \'*[^-.0-9]*\' AND "temperature" GLOB \'*[0-9]*\' AND "temperature" NOT GLOB \'*.*.*\' AND "temperature" NOT GLOB \'?*-*\' AND "temperature" NOT GLOB \'*.\'), CONSTRAINT "ck_ai_service_configs_is_active_1d0ec3f5" CHECK ("is_active" IN (0, 1)), CONSTRAINT "ck_ai_service_configs_cost_per_token_ee46a6b9" CHECK ("cost_per_token" NOT GLOB \'*[^-.0-9]*\' AND "cost_per_token" GLOB \'*[0-9]*\' AND "cost_per_token" NOT GLOB \'*.*.*\' AND "cost_per_token" NOT GLOB \'?*-*\' AND "cost_per_token" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_ai_service_configs_service_type" ON "ai_service_configs" ("service_type")',
  'CREATE INDEX "ix_ai_service_configs_is_active" ON "ai_service_configs" ("is_active")',
  'CREATE TABLE "ai_conversations" ("id" varchar(36) PRIMARY KEY NOT NULL, "user_id" varchar(50) NOT NULL, "session_id" varchar(100) NOT NULL, "user_input" text NOT NULL, "ai_response" text NOT NULL, "model_name" varchar(50) NOT NULL, "context" text, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_ai_conversations_id_4a580471" CHECK (typeof("id") = \'text\'))',
  'CREATE INDEX "ix_ai_conversations_user_id_session_id_created_at" ON "ai_conversations" ("user_id", "session_id", "created_at")',
  'CREATE INDEX "ix_ai_conversations_user_id_created_at" ON "ai_conversations" ("user_id", "created_at")',
  'CREATE INDEX "ix_ai_conversations_model_name_created_at" ON "ai_conversations" ("model_name", "created_at")',
  'CREATE TABLE "ai_analysis_results" ("id" varchar(36) PRIMARY KEY NOT NULL, "user_id" varchar(50) NOT NULL, "analysis_type" varchar(50) NOT NULL, "input_content" text NOT NULL, "analysis_result" text NOT NULL, "confidence_score" double, "processing_time" integer, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_ai_analysis_results_id_4a580471" CHECK (typeof("id") = \'text\'))',
  'CREATE INDEX "ix_ai_analysis_results_user_id_analysis_type_confidence_score" ON "ai_analysis_results" ("user_id", "analysis_type", "confidence_score")',
  'CREATE INDEX "ix_ai_analysis_results_analysis_type_created_at" ON "ai_analysis_results" ("analysis_type", "created_at")',
  'CREATE INDEX "ix_ai_analysis_results_created_at" ON "ai_analysis_results" ("created_at")',
  'CREATE TABLE "user_profiles" ("user_id" varchar(50) PRIMARY KEY NOT NULL, "profile" text NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_user_profiles_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'))',
  'CREATE TABLE "embeddings" ("id" varchar(64) PRIMARY KEY NOT NULL, "model" varchar(200) NOT NULL, "dimensions" integer NOT NULL, "vector" text NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_embeddings_id_4a580471" CHECK (typeof("id") = \'text\'))',
  'CREATE TABLE "_ledger" ("entity" varchar(64) NOT NULL, "id" varchar(200) NOT NULL, "version" integer NOT NULL, "mark" integer NOT NULL, "pending_since" integer, "stores" integer, CONSTRAINT "ck__ledger_entity_804a3e8c" CHECK (typeof("entity") = \'text\'), CONSTRAINT "ck__ledger_id_4a580471" CHECK (typeof("id") = \'text\'), PRIMARY KEY ("entity", "id")) WITHOUT ROWID',
  'CREATE INDEX "ix__ledger_pending_since" ON "_ledger" ("pending_since") WHERE "pending_since" IS NOT NULL',
  'CREATE TABLE "_parked" ("store" varchar(64) NOT NULL, "entity" varchar(64) NOT NULL, "id" varchar(200) NOT NULL, "version" integer NOT NULL, "reason" text NOT NULL, "parked_at" varchar(27) NOT NULL, "attempts" integer NOT NULL, CONSTRAINT "ck__parked_store_843c5427" CHECK (typeof("store") = \'text\'), CONSTRAINT "ck__parked_entity_804a3e8c" CHECK (typeof("entity") = \'text\'), CONSTRAINT "ck__parked_id_4a580471" CHECK (typeof("id") = \'text\'), PRIMARY KEY ("store", "entity", "id"))',
  'CREATE TABLE "_embedding_refs" ("entity" varchar(64) NOT NULL, "record_id" varchar(200) NOT NULL, "embedding_id" varchar(64) NOT NULL, CONSTRAINT "ck__embedding_refs_entity_804a3e8c" CHECK (typeof("entity") = \'text\'), CONSTRAINT "ck__embedding_refs_record_id_bdb35e56" CHECK (typeof("record_id") = \'text\'), PRIMARY KEY ("entity", "record_id")) WITHOUT ROWID',
  'CREATE INDEX "ix__embedding_refs_embedding_id" ON "_embedding_refs" ("embedding_id")',
  'CREATE TABLE "_erasures" ("user_id" varchar(200) PRIMARY KEY NOT NULL, "started_at" varchar(27) NOT NULL, "ended_at" varchar(27), CONSTRAINT "ck__erasures_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'))',
  'CREATE TABLE "_lease" ("name" varchar(64) PRIMARY KEY NOT NULL, "holder" varchar(200) NOT NULL, "expires_at" integer NOT NULL, CONSTRAINT "ck__lease_name_4d26a9f2" CHECK (typeof("name") = \'text\'))',
  'CREATE TABLE "_meta" ("name" varchar(64) PRIMARY KEY NOT NULL, "value" text NOT NULL, CONSTRAINT "ck__meta_name_4d26a9f2" CHECK (typeof("name") = \'text\'))',
  'CREATE TABLE "api_keys" ("id" varchar(200) PRIMARY KEY NOT NULL, "hash" varchar(64) NOT NULL, "user_id" varchar(50) NOT NULL, "name" varchar(100) NOT NULL, "created_at" varchar(27) NOT NULL, "revoked_at" varchar(27), CONSTRAINT "uq_api_keys_hash" UNIQUE ("hash"), CONSTRAINT "ck_api_keys_id_4a580471" CHECK (typeof("id") = \'text\'))',
  'CREATE INDEX "ix_api_keys_user_id" ON "api_keys" ("user_id")',
];

const down = [
  'DROP INDEX "ix_api_keys_user_id"',
  'DROP TABLE "api_keys"',
  'DROP TABLE "_meta"',
  'DROP TABLE "_lease"',
  'DROP TABLE "_erasures"',
  'DROP INDEX "ix__embedding_refs_embedding_id"',
  'DROP TABLE "_embedding_refs"',
  'DROP TABLE "_parked"',
  'DROP INDEX "ix__ledger_pending_since"',
  'DROP TABLE "_ledger"',
  'DROP TABLE "embeddings"',
  'DROP TABLE "user_profiles"',
  'DROP INDEX "ix_ai_analysis_results_created_at"',
  'DROP INDEX "ix_ai_analysis_results_analysis_type_created_at"',
  'DROP INDEX "ix_ai_analysis_results_user_id_analysis_type_confidence_score"',
  'DROP TABLE "ai_analysis_results"',
  'DROP INDEX "ix_ai_conversations_model_name_created_at"',
  'DROP INDEX "ix_ai_conversations_user_id_created_at"',
  'DROP INDEX "ix_ai_conversations_user_id_session_id_created_at"',
  'DROP TABLE "ai_conversations"',
  'DROP INDEX "ix_ai_service_configs_is_active"',
  'DROP INDEX "ix_ai_service_configs_service_type"',
  'DROP TABLE "ai_service_configs"',
  'DROP INDEX "ix_financial_records_created_at"',
  'DROP INDEX "ix_financial_records_transaction_type"',
  'DROP INDEX "ix_financial_records_user_id_transaction_date"',
  'DROP TABLE "financial_records"',
  'DROP INDEX "ix_role_permissions_permission_code"',
  'DROP TABLE "role_permissions"',
  'DROP INDEX "ix_permissions_is_active"',
  'DROP INDEX "ix_permissions_resource_type"',
  'DROP TABLE "permissions"',
  'DROP INDEX "ix_system_configs_is_active"',
  'DROP TABLE "system_configs"',
  'DROP INDEX "ix_users_created_at"',
  'DROP INDEX "ix_users_status"',
  'DROP INDEX "ix_users_username"',
  'DROP TABLE "users"',
];

/** Made by generate.ts from the definitions of the tables. */
export class Initial1795329399798 implements MigrationInterface {
  readonly name = 'Initial1795329399798';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of up) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of down) await runner.query(statement);
  }
}
