select
    s.sold_on as day,
    w.weather,
    sum(s.amount * f.price) as revenue,
    count(distinct case when f.price >= {{ var('dear_from') }} then f.fruit_id end) as dear_fruits
from {{ ref('stg_sales') }} as s
join {{ ref('stg_fruits') }} as f on f.fruit_id = s.fruit_id
left join {{ ref('stg_weather') }} as w on w.day = s.sold_on
group by 1, 2
