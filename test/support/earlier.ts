/** An earlier system's single database, made for tests: its tables, its rows, and some that are not as they should be. */
import { connectMysql, type MysqlDatabase, newMysqlDatabase, type RunningEngine } from '@mindora/testing/engines';

const stamps = `created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP`;
const number = 'id INT AUTO_INCREMENT PRIMARY KEY';

/** Columns as the requirements' inventory has them (A2.1). */
const tables: Readonly<Record<string, string>> = {
  users: `${number}, user_id VARCHAR(50) UNIQUE NOT NULL, username VARCHAR(100) NOT NULL, email VARCHAR(255) UNIQUE NOT NULL,
    password_hash VARCHAR(255) NOT NULL, role ENUM('admin','user','guest') DEFAULT 'user',
    status ENUM('active','inactive','suspended') DEFAULT 'active', ${stamps}, last_login TIMESTAMP NULL`,
  system_configs: `${number}, config_key VARCHAR(100) UNIQUE NOT NULL, config_value TEXT,
    config_type ENUM('string','number','boolean','json') DEFAULT 'string', description TEXT, is_active BOOLEAN DEFAULT TRUE, ${stamps}`,
  permissions: `${number}, permission_name VARCHAR(100) UNIQUE NOT NULL, permission_code VARCHAR(50) UNIQUE NOT NULL,
    description TEXT, resource_type VARCHAR(50), action VARCHAR(50), is_active BOOLEAN DEFAULT TRUE, ${stamps}`,
  role_permissions: `${number}, role_name VARCHAR(50) NOT NULL, permission_code VARCHAR(50) NOT NULL,
    created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP, UNIQUE KEY (role_name, permission_code)`,
  financial_records: `${number}, user_id VARCHAR(50) NOT NULL, transaction_type ENUM('income','expense','transfer') NOT NULL,
    amount DECIMAL(15,2) NOT NULL, currency VARCHAR(10) DEFAULT 'CNY', description TEXT, category VARCHAR(100),
    transaction_date DATE NOT NULL, ${stamps}`,
  ai_service_configs: `${number}, service_name VARCHAR(100) UNIQUE NOT NULL,
    service_type ENUM('chat','analysis','generation','translation') NOT NULL, api_endpoint VARCHAR(500), api_key_encrypted TEXT,
    model_name VARCHAR(100), max_tokens INT DEFAULT 1000, temperature DECIMAL(3,2) DEFAULT 0.70, is_active BOOLEAN DEFAULT TRUE,
    cost_per_token DECIMAL(10,6) DEFAULT 0.000001, ${stamps}`,
  ai_conversations: `conversation_id INT PRIMARY KEY, user_id VARCHAR(50) NOT NULL, session_id VARCHAR(100) NOT NULL,
    user_input TEXT NOT NULL, ai_response TEXT NOT NULL, model_name VARCHAR(50) NOT NULL, context JSON, created_at DATETIME`,
  ai_analysis_results: `analysis_id INT PRIMARY KEY, user_id VARCHAR(50) NOT NULL, analysis_type VARCHAR(50) NOT NULL,
    input_content TEXT NOT NULL, analysis_result JSON NOT NULL, confidence_score FLOAT, created_at DATETIME`,
  login_attempts: `${number}, address VARCHAR(50)`,
};

export interface EarlierDatabase {
  readonly name: string;
  /** An account that may read and nothing else. */
  readonly url: string;
  readonly admin: MysqlDatabase;
  readonly rows: { readonly conversations: number; readonly analyses: number };
  /** One statement or several; rows of a single SELECT. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

/** Makes it, with so many conversations, and half as many analyses, of 40 users. */
export async function earlierDatabase(engine: RunningEngine, conversations: number): Promise<EarlierDatabase> {
  const admin = await newMysqlDatabase(engine);
  const connection = await connectMysql(admin.adminUrl);
  const rows = { conversations, analyses: conversations / 2 };
  for (const [table, columns] of Object.entries(tables)) await connection.query(`CREATE TABLE ${table} (${columns})`);
  for (const statement of statementsOf(rows)) await connection.query(statement);
  const reader = `r_${admin.name.slice(-12)}`;
  await connection.query(
    `CREATE USER '${reader}'@'%' IDENTIFIED BY '${reader}'; GRANT SELECT ON ${admin.name}.* TO '${reader}'@'%'`,
  );
  return {
    name: admin.name,
    url: `mysql://${reader}:${reader}@${new URL(admin.url).host}/${admin.name}`,
    admin,
    rows,
    query: (sql) => connection.query(sql),
    async remove() {
      await connection.query(`DROP USER '${reader}'@'%'`);
      await connection.close();
      await admin.remove();
    },
  };
}

const sequence = (table: string, columns: string, values: (n: number) => string, from: number, to: number): string =>
  `INSERT INTO ${table} (${columns}) VALUES ${Array.from({ length: to - from }, (_, n) => `(${values(from + n)})`).join(', ')}`;

const userOf = (n: number): string => `'u${n % 40}'`;
/** Every third is older than the document store keeps anything. */
const timeOf = (n: number): string =>
  `'${n % 3 === 0 ? '2025-01-04' : '2026-11-01'} 08:${String(n % 60).padStart(2, '0')}:07'`;
const rowsAtOnce = 500;

function statementsOf({ conversations, analyses }: EarlierDatabase['rows']): string[] {
  const parts = (table: string, columns: string, count: number, values: (n: number) => string): string[] =>
    Array.from({ length: Math.ceil(count / rowsAtOnce) }, (_, part) =>
      sequence(table, columns, values, part * rowsAtOnce + 1, Math.min(count, (part + 1) * rowsAtOnce) + 1),
    );
  return [
    ...settings,
    ...parts('users', 'user_id, username, email, password_hash, role', 40, (n) => {
      return `${userOf(n)}, 'name ${n}', 'u${n % 40}@example.com', '$2b$12$x', ${n === 3 ? 'NULL' : "'user'"}`;
    }),
    ...parts('financial_records', 'user_id, transaction_type, amount, category, transaction_date', 60, (n) => {
      return `${userOf(n)}, 'income', ${n}.5, ${n === 5 ? "''" : "'salary'"}, '2026-11-0${1 + (n % 9)}'`;
    }),
    ...parts(
      'ai_conversations',
      'conversation_id, user_id, session_id, user_input, ai_response, model_name, context, created_at',
      conversations,
      (n) => {
        const model = n === 7 ? "''" : "'deepseek-chat'";
        return `${n}, ${userOf(n)}, 's${n % 90}', '问题 ${n}', 'answer ${n}', ${model}, '{"n": ${n}}', ${timeOf(n)}`;
      },
    ),
    ...parts(
      'ai_analysis_results',
      'analysis_id, user_id, analysis_type, input_content, analysis_result, confidence_score, created_at',
      analyses,
      (n) => {
        const result = n === 2 ? `'"{\\\\"skills\\\\": []}"'` : `'{"skills": ["sql"]}'`;
        return `${n}, ${userOf(n)}, 'resume', 'text ${n}', ${result}, ${n === 9 ? 95 : 0.95}, ${timeOf(n)}`;
      },
    ),
  ];
}

const settings: readonly string[] = [
  `INSERT INTO users (user_id, username, email, password_hash, role) VALUES
    ('admin_001', 'admin', 'admin@ai-system.com', '$2b$12$x', 'admin')`,
  `INSERT INTO system_configs (config_key, config_value, config_type) VALUES
    ('max_concurrent_users', '500', 'number'), ('show_banner', 'True', 'boolean')`,
  `INSERT INTO permissions (permission_name, permission_code) VALUES ('Export', 'export_data')`,
  `INSERT INTO role_permissions (role_name, permission_code) VALUES
    ('user', 'export_data'), ('user', 'ai_access'), ('editor', 'ai_access')`,
  `INSERT INTO ai_service_configs (service_name, service_type, api_endpoint, api_key_encrypted, model_name) VALUES
    ('deepseek', 'chat', 'https://api.deepseek.com/v1', 'gAAAAA', 'deepseek-chat')`,
  `INSERT INTO login_attempts (address) VALUES ('10.0.0.1')`,
];
