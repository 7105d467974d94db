/*---
instances: [{name: de}, {name: de}]
---*/
select 1 as n
