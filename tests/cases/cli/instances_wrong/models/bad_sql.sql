/*---
instances: [a, b, c, d, e]
---*/
select n from nowhere
