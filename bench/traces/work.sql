-- What the sqlite3 of the trace does: 20,000 rows, two indexes, queries, changes, in memory.
create table person (id integer primary key, name text, town text, age integer, note text);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
  insert into person select i, 'name ' || (i * 7919 % 20011), 'town ' || (i * 31 % 257), i * 17 % 90,
    substr('the quick brown fox jumps over the lazy dog', 1, i % 43) from n;
commit;
create index personTown on person(town);
create index personAge on person(age, name);
select count(*), avg(age) from person where town = 'town 42';
select town, count(*), max(name) from person group by town order by 2 desc, 1 limit 10;
select a.name, b.name from person a join person b on a.town = b.town and a.age = b.age and a.id < b.id
  where a.age > 80 order by 1, 2 limit 20;
select group_concat(name, ', ') from (select name from person where age = 33 order by name);
update person set note = note || ' and on' where age between 20 and 30;
delete from person where town like 'town 1%' and age < 40;
select upper(substr(note, 1, 10)), count(*) from person group by 1 having count(*) > 10 order by 2, 1;
select json_group_array(json_object('id', id, 'name', name)) from person where age = 50;
select name, row_number() over (partition by town order by age) from person where town < 'town 110' order by 2 desc, 1 limit 5;
