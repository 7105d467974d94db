-- What the days add up to is what the fruits add up to.
select days.amount_yen, fruits.amount_yen as fruits_yen
from (select sum(amount_yen) as amount_yen from mart.daily_sales) as days
cross join (select sum(amount_yen) as amount_yen from mart.best_fruits) as fruits
where days.amount_yen <> fruits.amount_yen
