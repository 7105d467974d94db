/*---
instances: [{name: a, from: bad_csv}, {name: b, from: nowhere}]
---*/
select 1 as n from {{ instance.from }}
