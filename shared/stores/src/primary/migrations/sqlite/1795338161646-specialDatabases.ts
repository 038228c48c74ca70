import type { MigrationInterface, QueryRunner } from 'typeorm';

const up = [
  'CREATE TABLE "ai_identities" ("user_id" varchar(50) PRIMARY KEY NOT NULL, "display_name" varchar(100) NOT NULL, "kind" varchar(12) NOT NULL DEFAULT (\'person\'), "verified" boolean NOT NULL DEFAULT (0), "attributes" text, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_ai_identities_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'), CONSTRAINT "ck_ai_identities_kind_2f5ed57b" CHECK ("kind" IN (\'person\', \'agent\', \'organisation\')), CONSTRAINT "ck_ai_identities_verified_fe870c08" CHECK ("verified" IN (0, 1)))',
  'CREATE INDEX "ix_ai_identities_kind" ON "ai_identities" ("kind")',
  'CREATE TABLE "identity_links" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "other_user_id" varchar(50) NOT NULL, "link_type" varchar(12) NOT NULL, "weight" double NOT NULL DEFAULT (1), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_identity_links_user_id_other_user_id_link_type" UNIQUE ("user_id", "other_user_id", "link_type"), CONSTRAINT "ck_identity_links_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_identity_links_link_type_651e3144" CHECK ("link_type" IN (\'follows\', \'colleague\', \'mentor\', \'collaborates\', \'blocks\')))',
  'CREATE INDEX "ix_identity_links_other_user_id_link_type" ON "identity_links" ("other_user_id", "link_type")',
  'CREATE TABLE "user_behaviours" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "action" varchar(50) NOT NULL, "subject_type" varchar(50), "subject_id" varchar(200), "details" text, "occurred_at" varchar(27) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_user_behaviours_id_4a580471" CHECK (typeof("id") = \'text\'))',
  'CREATE INDEX "ix_user_behaviours_user_id_occurred_at" ON "user_behaviours" ("user_id", "occurred_at")',
  'CREATE INDEX "ix_user_behaviours_action_occurred_at" ON "user_behaviours" ("action", "occurred_at")',
  'CREATE TABLE "recommendations" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "kind" varchar(12) NOT NULL, "subject_id" varchar(200) NOT NULL, "score" double NOT NULL, "reason" text, "status" varchar(9) NOT NULL DEFAULT (\'new\'), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_recommendations_user_id_kind_subject_id" UNIQUE ("user_id", "kind", "subject_id"), CONSTRAINT "ck_recommendations_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_recommendations_kind_0124e6b2" CHECK ("kind" IN (\'person\', \'conversation\', \'skill\')), CONSTRAINT "ck_recommendations_status_ef8cff32" CHECK ("status" IN (\'new\', \'seen\', \'taken\', \'dismissed\')))',
  'CREATE INDEX "ix_recommendations_user_id_status_score" ON "recommendations" ("user_id", "status", "score")',
  'CREATE TABLE "personalisations" ("user_id" varchar(50) PRIMARY KEY NOT NULL, "preferences" text NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_personalisations_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'))',
  'CREATE TABLE "dao_proposals" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "title" varchar(200) NOT NULL, "description" text NOT NULL, "proposal_type" varchar(10) NOT NULL, "status" varchar(9) NOT NULL DEFAULT (\'draft\'), "quorum" double NOT NULL DEFAULT (0.5), "starts_at" varchar(27), "ends_at" varchar(27), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_dao_proposals_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_dao_proposals_proposal_type_d8f9a967" CHECK ("proposal_type" IN (\'governance\', \'funding\', \'technical\', \'policy\')), CONSTRAINT "ck_dao_proposals_status_0d1ff611" CHECK ("status" IN (\'draft\', \'active\', \'passed\', \'rejected\', \'executed\', \'withdrawn\')))',
  'CREATE INDEX "ix_dao_proposals_status_ends_at" ON "dao_proposals" ("status", "ends_at")',
  'CREATE INDEX "ix_dao_proposals_user_id" ON "dao_proposals" ("user_id")',
  'CREATE INDEX "ix_dao_proposals_proposal_type" ON "dao_proposals" ("proposal_type")',
  'CREATE TABLE "dao_votes" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "proposal_id" varchar(36) NOT NULL, "user_id" varchar(50) NOT NULL, "choice" varchar(7) NOT NULL, "weight" varchar(22) NOT NULL DEFAULT (\'1.00\'), "reason" text, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_dao_votes_proposal_id_user_id" UNIQUE ("proposal_id", "user_id"), CONSTRAINT "ck_dao_votes_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_dao_votes_choice_4a83d8bd" CHECK ("choice" IN (\'for\', \'against\', \'abstain\')), CONSTRAINT "ck_dao_votes_weight_90c530b2" CHECK ("weight" NOT GLOB \'*[^-.0-9]*\' AND "weight" GLOB \'*[0-9]*\' AND "weight" NOT GLOB \'*.*.*\' AND "weight" NOT GLOB \'?*-*\' AND "weight" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_dao_votes_user_id_created_at" ON "dao_votes" ("user_id", "created_at")',
  'CREATE TABLE "dao_decisions" ("proposal_id" varchar(36) PRIMARY KEY NOT NULL, "outcome" varchar(9) NOT NULL, "votes_for" varchar(22) NOT NULL DEFAULT (\'0.00\'), "votes_against" varchar(22) NOT NULL DEFAULT (\'0.00\'), "votes_abstain" varchar(22) NOT NULL DEFAULT (\'0.00\'), "turnout" double, "analysis" text, "decided_at" varchar(27) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_dao_decisions_proposal_id_7c539770" CHECK (typeof("proposal_id") = \'text\'), CONSTRAINT "ck_dao_decisions_outcome_ba7e0c5f" CHECK ("outcome" IN (\'passed\', \'rejected\', \'no_quorum\')), CONSTRAINT "ck_dao_decisions_votes_for_093f6e4c" CHECK ("votes_for" NOT GLOB \'*[^-.0-9]*\' AND "votes_for" GLOB \'*[0-9]*\' AND "votes_for" NOT GLOB \'*.*.*\' AND "votes_for" NOT GLOB \'?*-*\' AND "votes_for" NOT GLOB \'*.\'), CONSTRAINT "ck_dao_decisions_votes_against_e8b0a889" CHECK ("votes_against" NOT GLOB \'*[^-.0-9]*\' AND "votes_against" GLOB \'*[0-9]*\' AND "votes_against" NOT GLOB \'*.*.*\' AND "votes_against" NOT GLOB \'?*-*\' AND "votes_against" NOT GLOB \'*.\'), CONSTRAINT "ck_dao_decisions_votes_abstain_1887058e" CHECK ("votes_abstain" NOT GLOB \'*[^-.0-9]*\' AND "votes_abstain" GLOB \'*[0-9]*\' AND "votes_abstain" NOT GLOB \'*.*.*\' AND "votes_abstain" NOT GLOB \'?*-*\' AND "votes_abstain" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_dao_decisions_outcome_decided_at" ON "dao_decisions" ("outcome", "decided_at")',
  'CREATE TABLE "points_accounts" ("user_id" varchar(50) PRIMARY KEY NOT NULL, "balance" varchar(22) NOT NULL DEFAULT (\'0.00\'), "earned" varchar(22) NOT NULL DEFAULT (\'0.00\'), "spent" varchar(22) NOT NULL DEFAULT (\'0.00\'), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_points_accounts_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'), CONSTRAINT "ck_points_accounts_balance_75015e8d" CHECK ("balance" NOT GLOB \'*[^-.0-9]*\' AND "balance" GLOB \'*[0-9]*\' AND "balance" NOT GLOB \'*.*.*\' AND "balance" NOT GLOB \'?*-*\' AND "balance" NOT GLOB \'*.\'), CONSTRAINT "ck_points_accounts_earned_ba1d4b17" CHECK ("earned" NOT GLOB \'*[^-.0-9]*\' AND "earned" GLOB \'*[0-9]*\' AND "earned" NOT GLOB \'*.*.*\' AND "earned" NOT GLOB \'?*-*\' AND "earned" NOT GLOB \'*.\'), CONSTRAINT "ck_points_accounts_spent_da4a45cb" CHECK ("spent" NOT GLOB \'*[^-.0-9]*\' AND "spent" GLOB \'*[0-9]*\' AND "spent" NOT GLOB \'*.*.*\' AND "spent" NOT GLOB \'?*-*\' AND "spent" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_points_accounts_balance" ON "points_accounts" ("balance")',
  'CREATE TABLE "points_entries" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "amount" varchar(22) NOT NULL, "balance_after" varchar(22) NOT NULL, "reason" varchar(100) NOT NULL, "reference" varchar(200), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_points_entries_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_points_entries_amount_c18fa050" CHECK ("amount" NOT GLOB \'*[^-.0-9]*\' AND "amount" GLOB \'*[0-9]*\' AND "amount" NOT GLOB \'*.*.*\' AND "amount" NOT GLOB \'?*-*\' AND "amount" NOT GLOB \'*.\'), CONSTRAINT "ck_points_entries_balance_after_15086516" CHECK ("balance_after" NOT GLOB \'*[^-.0-9]*\' AND "balance_after" GLOB \'*[0-9]*\' AND "balance_after" NOT GLOB \'*.*.*\' AND "balance_after" NOT GLOB \'?*-*\' AND "balance_after" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_points_entries_user_id_created_at" ON "points_entries" ("user_id", "created_at")',
  'CREATE INDEX "ix_points_entries_reason_created_at" ON "points_entries" ("reason", "created_at")',
  'CREATE TABLE "community_members" ("user_id" varchar(50) PRIMARY KEY NOT NULL, "nickname" varchar(100) NOT NULL, "level" integer NOT NULL DEFAULT (1), "contributions" integer NOT NULL DEFAULT (0), "behaviour" text, "joined_at" varchar(27) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_community_members_nickname" UNIQUE ("nickname"), CONSTRAINT "ck_community_members_user_id_4892b5b4" CHECK (typeof("user_id") = \'text\'))',
  'CREATE INDEX "ix_community_members_level_contributions" ON "community_members" ("level", "contributions")',
  'CREATE TABLE "incentives" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "user_id" varchar(50) NOT NULL, "incentive_type" varchar(50) NOT NULL, "amount" varchar(22) NOT NULL, "status" varchar(8) NOT NULL DEFAULT (\'promised\'), "granted_at" varchar(27), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_incentives_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_incentives_amount_c18fa050" CHECK ("amount" NOT GLOB \'*[^-.0-9]*\' AND "amount" GLOB \'*[0-9]*\' AND "amount" NOT GLOB \'*.*.*\' AND "amount" NOT GLOB \'?*-*\' AND "amount" NOT GLOB \'*.\'), CONSTRAINT "ck_incentives_status_b1feee26" CHECK ("status" IN (\'promised\', \'granted\', \'revoked\')))',
  'CREATE INDEX "ix_incentives_user_id_status" ON "incentives" ("user_id", "status")',
  'CREATE INDEX "ix_incentives_incentive_type" ON "incentives" ("incentive_type")',
  'CREATE TABLE "companies" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "company_name" varchar(200) NOT NULL, "registration_number" varchar(64) NOT NULL, "industry" varchar(100), "status" varchar(9) NOT NULL DEFAULT (\'active\'), "founded_on" varchar(10), "registered_capital" varchar(22), "business_info" text, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_companies_registration_number" UNIQUE ("registration_number"), CONSTRAINT "ck_companies_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_companies_status_2e93c15e" CHECK ("status" IN (\'active\', \'suspended\', \'dissolved\')), CONSTRAINT "ck_companies_registered_capital_977ab5cc" CHECK ("registered_capital" NOT GLOB \'*[^-.0-9]*\' AND "registered_capital" GLOB \'*[0-9]*\' AND "registered_capital" NOT GLOB \'*.*.*\' AND "registered_capital" NOT GLOB \'?*-*\' AND "registered_capital" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_companies_company_name" ON "companies" ("company_name")',
  'CREATE INDEX "ix_companies_industry_status" ON "companies" ("industry", "status") WHERE "industry" IS NOT NULL',
  'CREATE TABLE "credit_ratings" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "company_id" varchar(36) NOT NULL, "rating" varchar(3) NOT NULL, "score" varchar(8) NOT NULL, "method" varchar(100), "rated_on" varchar(10) NOT NULL, "valid_until" varchar(10), "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_credit_ratings_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_credit_ratings_rating_3dc123c7" CHECK ("rating" IN (\'AAA\', \'AA\', \'A\', \'BBB\', \'BB\', \'B\', \'CCC\', \'CC\', \'C\', \'D\')), CONSTRAINT "ck_credit_ratings_score_d828e87d" CHECK ("score" NOT GLOB \'*[^-.0-9]*\' AND "score" GLOB \'*[0-9]*\' AND "score" NOT GLOB \'*.*.*\' AND "score" NOT GLOB \'?*-*\' AND "score" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_credit_ratings_company_id_rated_on" ON "credit_ratings" ("company_id", "rated_on")',
  'CREATE INDEX "ix_credit_ratings_rating" ON "credit_ratings" ("rating")',
  'CREATE TABLE "risk_analyses" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "company_id" varchar(36) NOT NULL, "risk_type" varchar(11) NOT NULL, "level" varchar(8) NOT NULL, "score" varchar(8) NOT NULL, "factors" text, "summary" text, "analysed_at" varchar(27) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "ck_risk_analyses_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_risk_analyses_risk_type_5fcc46d1" CHECK ("risk_type" IN (\'credit\', \'market\', \'operational\', \'legal\', \'liquidity\')), CONSTRAINT "ck_risk_analyses_level_6c7bc017" CHECK ("level" IN (\'low\', \'medium\', \'high\', \'critical\')), CONSTRAINT "ck_risk_analyses_score_d828e87d" CHECK ("score" NOT GLOB \'*[^-.0-9]*\' AND "score" GLOB \'*[0-9]*\' AND "score" NOT GLOB \'*.*.*\' AND "score" NOT GLOB \'?*-*\' AND "score" NOT GLOB \'*.\'))',
  'CREATE INDEX "ix_risk_analyses_company_id_analysed_at" ON "risk_analyses" ("company_id", "analysed_at")',
  'CREATE INDEX "ix_risk_analyses_level_risk_type" ON "risk_analyses" ("level", "risk_type")',
  'CREATE TABLE "compliance_statuses" ("id" varchar(36) PRIMARY KEY NOT NULL DEFAULT ((lower(hex(randomblob(16))))), "company_id" varchar(36) NOT NULL, "regulation" varchar(100) NOT NULL, "status" varchar(9) NOT NULL, "details" text, "checked_at" varchar(27) NOT NULL, "created_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), "updated_at" varchar(27) NOT NULL DEFAULT ((strftime(\'%Y-%m-%dT%H:%M:%f000Z\', \'now\'))), CONSTRAINT "uq_compliance_statuses_company_id_regulation" UNIQUE ("company_id", "regulation"), CONSTRAINT "ck_compliance_statuses_id_4a580471" CHECK (typeof("id") = \'text\'), CONSTRAINT "ck_compliance_statuses_status_2bdfa406" CHECK ("status" IN (\'compliant\', \'pending\', \'breached\', \'exempt\')))',
  'CREATE INDEX "ix_compliance_statuses_status_checked_at" ON "compliance_statuses" ("status", "checked_at")',
];

const down = [
  'DROP INDEX "ix_compliance_statuses_status_checked_at"',
  'DROP TABLE "compliance_statuses"',
  'DROP INDEX "ix_risk_analyses_level_risk_type"',
  'DROP INDEX "ix_risk_analyses_company_id_analysed_at"',
  'DROP TABLE "risk_analyses"',
  'DROP INDEX "ix_credit_ratings_rating"',
  'DROP INDEX "ix_credit_ratings_company_id_rated_on"',
  'DROP TABLE "credit_ratings"',
  'DROP INDEX "ix_companies_industry_status"',
  'DROP INDEX "ix_companies_company_name"',
  'DROP TABLE "companies"',
  'DROP INDEX "ix_incentives_incentive_type"',
  'DROP INDEX "ix_incentives_user_id_status"',
  'DROP TABLE "incentives"',
  'DROP INDEX "ix_community_members_level_contributions"',
  'DROP TABLE "community_members"',
  'DROP INDEX "ix_points_entries_reason_created_at"',
  'DROP INDEX "ix_points_entries_user_id_created_at"',
  'DROP TABLE "points_entries"',
  'DROP INDEX "ix_points_accounts_balance"',
  'DROP TABLE "points_accounts"',
  'DROP INDEX "ix_dao_decisions_outcome_decided_at"',
  'DROP TABLE "dao_decisions"',
  'DROP INDEX "ix_dao_votes_user_id_created_at"',
  'DROP TABLE "dao_votes"',
  'DROP INDEX "ix_dao_proposals_proposal_type"',
  'DROP INDEX "ix_dao_proposals_user_id"',
  'DROP INDEX "ix_dao_proposals_status_ends_at"',
  'DROP TABLE "dao_proposals"',
  'DROP TABLE "personalisations"',
  'DROP INDEX "ix_recommendations_user_id_status_score"',
  'DROP TABLE "recommendations"',
  'DROP INDEX "ix_user_behaviours_action_occurred_at"',
  'DROP INDEX "ix_user_behaviours_user_id_occurred_at"',
  'DROP TABLE "user_behaviours"',
  'DROP INDEX "ix_identity_links_other_user_id_link_type"',
  'DROP TABLE "identity_links"',
  'DROP INDEX "ix_ai_identities_kind"',
  'DROP TABLE "ai_identities"',
];

/** Made by generate.ts from the definitions of the tables. */
export class SpecialDatabases1795338161646 implements MigrationInterface {
  readonly name = 'SpecialDatabases1795338161646';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of up) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const statement of down) await runner.query(statement);
  }
}
