export{c10_a as a,c10_b as b,c10_c as c,c10_d as d,c10_e as e,c10_f as f,c10_g as g,c10_h as h,c10_i as i,c10_j as j,c10_k as k,c10_l as l,c10_m as m,c10_n as n}from"../sign.js";
