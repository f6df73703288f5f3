#include <sqlite3.h>

// sqlite3_db_config is variadic, which Swift cannot import. Sets what takes one number.
static inline int varve_sqlite3_configure(sqlite3 *database, int option, int value) {
  return sqlite3_db_config(database, option, value, (int *)0);
}
