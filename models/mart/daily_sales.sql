-- Sales by day, with the running total of the month.
with days as (
    select
        ordered_on,
        count(*) as orders,
        sum(amount_yen) as amount_yen
    from core.orders
    where not is_cancelled
    group by ordered_on
)

select
    ordered_on,
    cast(orders as integer) as orders,
    cast(amount_yen as integer) as amount_yen,
    cast(
        sum(amount_yen) over (
            partition by extract(year from ordered_on), extract(month from ordered_on)
            order by ordered_on
        ) as integer
    ) as month_to_date_yen
from days
