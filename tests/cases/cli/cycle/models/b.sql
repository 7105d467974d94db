-- b reads c
select * from c
