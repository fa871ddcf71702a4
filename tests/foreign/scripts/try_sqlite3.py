"""A database in a file."""

import os
import sqlite3

base = sqlite3.connect("made.db")
base.execute("create table t (id integer primary key, name text, n real)")
base.executemany("insert into t (name, n) values (?, ?)", [(f"name{i}", i / 4) for i in range(500)])
base.commit()
print(base.execute("select count(*), sum(n), min(name), group_concat(id) from t where n > 120").fetchone())
base.execute("create index i on t (name)")
print(base.execute("select * from t where name = ?", ("name77",)).fetchall(), base.execute("pragma integrity_check").fetchone())
try:
    base.execute("insert into t values (1, 2, 3)")
except sqlite3.IntegrityError as error:
    print(error)
base.close()
os.unlink("made.db")
