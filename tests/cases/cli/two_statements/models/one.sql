select 1 as id; -- the end
