create table t (id integer primary key, name text, n real);
insert into t (name, n) values ('a', 1.5), ('b', 2.25), ('c', null);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000) insert into t (name, n) select 'row' || x, x / 8.0 from c;
select count(*), sum(n), avg(n), max(name) from t; create index i on t (name);
select * from t where name = 'row77';
select upper(name), round(n, 1), typeof(n), hex(name), printf('%05d', id) from t limit 3;
.mode csv
select * from t order by n desc limit 4;
.mode column
select id, name from t limit 2;
begin; delete from t where id > 10; rollback;
select count(*) from t; update t set n = n + 1 where id % 2; pragma integrity_check; vacuum;
select name, sql from sqlite_master;
select json_extract('{"a": [1, 2]}', '$.a[1]'), strftime('%Y', 0, 'unixepoch'), 1 / 0, 9223372036854775807 + 1.0;
select row_number() over (order by name), name from t limit 2;
select nonsense from t;
