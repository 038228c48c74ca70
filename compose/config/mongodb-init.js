// Runs once, in a new directory, before the server asks for accounts: one for the version's database alone.
const name = process.env.MINDORA_DATABASE;
db.getSiblingDB(name).createUser({
  user: process.env.MINDORA_ACCOUNT,
  pwd: fs.readFileSync('/run/secrets/account', 'utf8'),
  roles: ['readWrite', 'dbAdmin'].map((role) => ({ role, db: name })),
});
